package clip

import (
	"context"

	"github.com/isac-guidance/isac/isac/torch"
)

// mostRows is how many rows go through the text model at once: prompts of any length are taken, memory is not.
const mostRows = 16

// EncodePrompt gives the states of all rows of a prompt side by side, [1,rows·L,width], and the pooled text of the first row, [1,P].
// t is the tokenizer that made the prompt; skip is as in Encode. A position of weight w has, as in ComfyUI, the state
//
//	z₀ + w·(z − z₀),
//
// where z₀ is the state of the empty prompt at this place in the row. It stops between rows with ctx's error once ctx is done, and
// panics as Encode does. Weights that Park moved come back first, which fails where the device has no room.
func (m *TextModel) EncodePrompt(ctx context.Context, p Prompt, t *Tokenizer, skip int) (Encoded, error) {
	if skip < 0 || skip > len(m.layers) {
		panic(refusal("%d layers to skip, expected 0 to %d", skip, len(m.layers)))
	}
	release, err := m.Borrow()
	if err != nil {
		return Encoded{}, err
	}
	defer release()
	out := torch.WithScope(func() []torch.Tensor {
		rows, weighted := p.Rows, p.weighted()
		if weighted {
			rows = append(rows[:len(rows):len(rows)], t.empty(len(rows[0])))
		}
		var hidden, normed []torch.Tensor
		var pooled torch.Tensor
		for first := 0; first < len(rows); first += mostRows {
			if err = ctx.Err(); err != nil {
				return nil
			}
			some := rows[first:min(first+mostRows, len(rows))]
			states := torch.WithScope(func() []torch.Tensor {
				h, n, last := m.states(m.embedRows(some), skip)
				return []torch.Tensor{h, n, m.pool(last.Narrow(0, 0, 1), []int{pooledAt(some[0], t.EOS)})}
			})
			hidden, normed = append(hidden, states[0]), append(normed, states[1])
			if first == 0 {
				pooled = states[2]
			}
		}
		return []torch.Tensor{p.join(hidden, weighted), p.join(normed, weighted), pooled}
	})
	if err != nil {
		return Encoded{}, err
	}
	return Encoded{Hidden: out[0], Normed: out[1], Pooled: out[2]}, nil
}

// weighted tells whether a position has another weight than 1.
func (p Prompt) weighted() bool {
	for _, row := range p.Rows {
		for _, token := range row {
			if token.Weight != 1 {
				return true
			}
		}
	}
	return false
}

// empty is a row without text.
func (t *Tokenizer) empty(length int) []Token {
	row := []Token{{ID: t.BOS}, {ID: t.EOS}}
	for len(row) < length {
		row = append(row, Token{ID: t.Pad})
	}
	return row
}

// pooledAt is the position of the state that stands for a row: the first EOS. ComfyUI counts all vectors of embeddings before it.
func pooledAt(row []Token, eos int64) int {
	at, ended := -1, false
	for _, token := range row {
		switch {
		case token.Vector != nil:
			at++
		case !ended:
			at++
			ended = token.ID == eos
		}
	}
	return at
}

// embedRows gives what the first layer takes in, [rows,L,width]: the vectors of tokens and embeddings, and positions.
func (m *TextModel) embedRows(rows [][]Token) torch.Tensor {
	n, length, width := len(rows), len(rows[0]), int(m.Config.Width)
	ids := make([]int64, 0, n*length)
	var own, values []float32
	for i, row := range rows {
		for j, token := range row {
			ids = append(ids, token.ID)
			if token.Vector == nil {
				continue
			}
			if own == nil {
				own, values = make([]float32, n*length), make([]float32, n*length*width)
			}
			own[i*length+j] = 1
			copy(values[(i*length+j)*width:], token.Vector)
		}
	}
	device := m.token.Device()
	x := torch.Embedding(m.token, torch.FromInt64s(ids, int64(n), int64(length)).ToDevice(device))
	if own != nil {
		is := torch.FromFloat32s(own, int64(n), int64(length), 1).ToDevice(device).NeScalar(0)
		x = torch.Where(is, torch.FromFloat32s(values, int64(n), int64(length), int64(width)).ToDevice(device).To(x.DType()), x)
	}
	return x.Add(m.position.Narrow(0, 0, int64(length)))
}

// join puts the states of all rows side by side, with their weights; the last of weighted rows is the empty prompt's.
func (p Prompt) join(parts []torch.Tensor, weighted bool) torch.Tensor {
	z := parts[0]
	if len(parts) > 1 {
		z = torch.Cat(parts, 0)
	}
	rows, length := int64(len(p.Rows)), z.Size(1)
	if weighted {
		z = z.To(torch.Float32)
		none := z.Narrow(0, rows, 1)
		z = z.Narrow(0, 0, rows)
		weights := make([]float32, 0, rows*length)
		for _, row := range p.Rows {
			for _, token := range row {
				weights = append(weights, float32(token.Weight))
			}
		}
		w := torch.FromFloat32s(weights, rows, length, 1).ToDevice(z.Device())
		z = torch.Where(w.NeScalar(1), z.Sub(none).Mul(w).Add(none), z)
	}
	if rows == 1 {
		return z
	}
	return z.Reshape(1, rows*length, -1)
}
