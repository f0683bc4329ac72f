package clip

import (
	"fmt"
	"slices"

	"github.com/isac-guidance/isac/isac/torch"
)

// Encoded is what families read of a text model. Which state is the conditioning differs: Stable Diffusion 1 takes Normed with no
// layer skipped, Stable Diffusion 2 Normed with one of 24 skipped, SDXL and SD3 Hidden with one skipped.
type Encoded struct {
	// Hidden is the state after all layers but the skipped ones, as it left the last of them, [B,L,width]. transformers calls it
	// hidden_states[-(skip+1)].
	Hidden torch.Tensor
	// Normed is Hidden after the final layer norm, [B,L,width].
	Normed torch.Tensor
	// Pooled stands for the whole text, [B,projection], or [B,width] in a model without text_projection: the state of the
	// first EOS after all layers, none skipped, and the final layer norm, projected.
	Pooled torch.Tensor
}

// Encode gives hidden states and the pooled text for token ids [B,L] of type int64. skip is how many of the last layers Hidden and
// Normed do without (diffusers' clip_skip; SDXL's penultimate state is 1). eos is the tokenizer's EOS, which ends each text. It panics
// with *torch.Error for an id outside the vocabulary, a sequence longer than Config.Positions, a row without eos, and a skip
// outside [0, Config.Layers].
func (m *TextModel) Encode(ids torch.Tensor, eos int64, skip int) Encoded {
	if skip < 0 || skip > len(m.layers) {
		panic(refusal("%d layers to skip, expected 0 to %d", skip, len(m.layers)))
	}
	defer m.mustBorrow()()
	out := torch.WithScope(func() []torch.Tensor {
		hidden, normed, last := m.states(m.embed(ids), skip)
		return []torch.Tensor{hidden, normed, m.pool(last, firstOf(ids, eos))}
	})
	return Encoded{Hidden: out[0], Normed: out[1], Pooled: out[2]}
}

// states gives the state after all layers but the skipped ones, raw and normed, and the normed one after all, for what the first
// layer takes in, all [B,L,width].
func (m *TextModel) states(x torch.Tensor, skip int) (hidden, normed, last torch.Tensor) {
	hidden = x
	for i, l := range m.layers {
		x = l.forward(x)
		if i < len(m.layers)-skip {
			hidden = x
		}
	}
	last = m.norm.Forward(x)
	normed = last
	if skip > 0 {
		normed = m.norm.Forward(hidden)
	}
	return hidden, normed, last
}

// firstOf gives the position of the first eos of each row of ids [B,L].
func firstOf(ids torch.Tensor, eos int64) []int {
	length := int(ids.Size(1))
	tokens := ids.ToDevice(torch.CPU).Contiguous().Int64s()
	var out []int
	for i := range int(ids.Size(0)) {
		at := slices.Index(tokens[i*length:(i+1)*length], eos)
		if at < 0 {
			panic(refusal("text %d has no token %d, expected the EOS that ends a text: give the EOS of the tokenizer that made the ids", i+1, eos))
		}
		out = append(out, at)
	}
	return out
}

// pool takes the state of each text from x [B,L,width] at its position and projects it.
func (m *TextModel) pool(x torch.Tensor, at []int) torch.Tensor {
	var rows []torch.Tensor
	for i, position := range at {
		rows = append(rows, x.Select(0, int64(i)).Select(0, int64(position)))
	}
	pooled := torch.Stack(rows, 0)
	if m.project.Defined() {
		pooled = torch.Linear(pooled, m.project, torch.Tensor{})
	}
	return pooled
}

// refusal is an argument that no operation of libtorch would have refused.
func refusal(format string, a ...any) *torch.Error {
	return &torch.Error{Kind: torch.KindArgument, Message: "clip: " + fmt.Sprintf(format, a...)}
}
