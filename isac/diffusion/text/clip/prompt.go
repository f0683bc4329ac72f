package clip

import (
	"fmt"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/text/syntax"
)

// Token is one position of a prompt.
type Token struct {
	ID int64
	// Vector is an embedding's, which stands in the place of ID; nil of a word.
	Vector []float32
	// Weight is what the position counts for, 1 where nothing is said.
	Weight float64
	// Span are the bytes [start,end) of the prompt as it was typed; BOS, EOS and padding have start = end.
	Span [2]int
}

// Prompt is a text of any length as a text encoder reads it: rows (chunks) of equally many tokens, each with BOS, EOS and padding.
// There is always at least one.
type Prompt struct {
	Rows [][]Token
	// Notes are what the user should know: embeddings that were not found, and syntax that is read as text.
	Notes []string
}

// Chunking is how prompts become tokens.
type Chunking struct {
	// Length is the number of tokens of a row, BOS and EOS included: the text model's positions, 77 for Stable Diffusion.
	Length int
	// Width is that of the text model's token embedding, which vectors of embeddings must have. Without Find it has no use.
	Width int
	// Find looks for embeddings. nil finds none.
	Find Find
}

// Find gives the vectors of an embedding [n][width] by its name, or says why there are none.
type Find func(name string) ([][]float32, error)

// wordLength is the number of tokens from which on a piece may be cut where a row ends; shorter ones move to the next row whole.
const wordLength = 8

// Prompt reads a text with the weights and embeddings of package syntax, as ComfyUI's SDTokenizer does.
func (t *Tokenizer) Prompt(text string, c Chunking) Prompt {
	r := rower{t: t, length: max(c.Length, 2)}
	p := Prompt{Notes: syntax.Unread(text)}
	r.begin()
	for _, piece := range syntax.Parse(text) {
		if piece.Embedding {
			vectors, rest, note := t.embedding(piece, c.Find)
			if note != "" {
				p.Notes = append(p.Notes, note)
			}
			r.add(vectors)
			piece = rest
		}
		r.add(t.words(piece))
	}
	r.end([2]int{len(text), len(text)})
	p.Rows = r.rows
	for i := range p.Rows {
		if dropped := t.fit(p.Rows[i], c.Width); dropped > 0 {
			p.Notes = append(p.Notes, fmt.Sprintf("%d vectors of embeddings are left out: this text encoder reads vectors of %d numbers, these were made for another model", dropped, c.Width))
		}
	}
	if n := len(p.Rows); n > 1 {
		p.Notes = append(p.Notes, fmt.Sprintf("the prompt has %d tokens and is encoded in %d chunks of %d, as ComfyUI does it", r.count, n, r.length))
	}
	return p
}

// Spans are those of all positions, row after row.
func (p Prompt) Spans() [][2]int {
	var out [][2]int
	for _, row := range p.Rows {
		for _, token := range row {
			out = append(out, token.Span)
		}
	}
	return out
}

// words encodes a piece of text.
func (t *Tokenizer) words(p syntax.Piece) []Token {
	var e Encoding
	t.tokens(&e, p.Text)
	out := make([]Token, len(e.IDs))
	for i, id := range e.IDs {
		first, last := p.Place(e.Spans[i][0], e.Spans[i][1])
		out[i] = Token{ID: id, Weight: p.Weight, Span: [2]int{first, last}}
	}
	return out
}

// embedding gives the vectors that a piece names, and the text behind the name. A comma may follow the name without a space.
func (t *Tokenizer) embedding(p syntax.Piece, find Find) (vectors []Token, rest syntax.Piece, note string) {
	name, end := p.Name()
	if name == "" {
		return nil, p.After(end), `"embedding:" without a name is left out`
	}
	if find == nil {
		find = func(string) ([][]float32, error) { return nil, errNoFolder }
	}
	found, err := find(name)
	if bare := strings.Trim(name, ","); err != nil && len(bare) < len(name) {
		end += len(bare) - len(name)
		if bare != "" {
			name = bare
			found, err = find(bare)
		}
	}
	rest = p.After(end)
	if err != nil {
		return nil, rest, fmt.Sprintf("embedding %s is left out: %v", name, err)
	}
	_, last := p.Place(0, end)
	for _, v := range found {
		vectors = append(vectors, Token{Vector: v, Weight: p.Weight, Span: [2]int{p.Begin(), last}})
	}
	return vectors, rest, ""
}

// fit takes vectors of another width out of a row, which moves what follows to the left and pads the end, as ComfyUI does it: weights
// stay where they are. It gives the number of vectors.
func (t *Tokenizer) fit(row []Token, width int) int {
	kept := make([]Token, 0, len(row))
	for _, token := range row {
		if token.Vector == nil || len(token.Vector) == width {
			kept = append(kept, token)
		}
	}
	dropped := len(row) - len(kept)
	if dropped == 0 {
		return 0
	}
	end := row[len(row)-1].Span
	for len(kept) < len(row) {
		kept = append(kept, Token{ID: t.Pad, Span: end})
	}
	for i := range row {
		kept[i].Weight = row[i].Weight
	}
	copy(row, kept)
	return dropped
}
