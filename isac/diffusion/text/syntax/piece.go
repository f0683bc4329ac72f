package syntax

import "strings"

// identifier begins an embedding.
const identifier = "embedding:"

// Piece is a stretch of a prompt of one weight, or an embedding.
type Piece struct {
	// Text is what is encoded, without weights and escapes. Of an embedding it is all that follows "embedding:" up to the next embedding
	// or weight: the name is its first word (see Name), the rest is text.
	Text string
	// Weight is what the piece counts for, 1 where nothing is said. It may be negative, and NaN or infinite where the prompt says so.
	Weight float64
	// Embedding tells that the piece is an embedding.
	Embedding bool

	// places are the bytes [start,end) of the prompt that each byte of Text was made from.
	places [][2]int
	// begin is the byte of the prompt where the piece begins, "embedding:" included.
	begin int
}

// Place gives the bytes [start,end) of the prompt that the bytes [start,end) of Text stand for. Both are positions in Text.
func (p Piece) Place(start, end int) (first, last int) {
	if start >= end || end > len(p.places) {
		return p.begin, p.begin
	}
	return p.places[start][0], p.places[end-1][1]
}

// Begin is the byte of the prompt where the piece begins; of an embedding where "embedding:" does.
func (p Piece) Begin() int { return p.begin }

// After is the text that begins at a byte of an embedding's Text.
func (p Piece) After(start int) Piece {
	rest := Piece{Text: p.Text[start:], Weight: p.Weight, places: p.places[start:], begin: p.begin}
	if len(rest.places) > 0 {
		rest.begin = rest.places[0][0]
	}
	return rest
}

// Name is an embedding's name, the first word of Text, and the byte of Text where it ends. It is "" where none was given.
func (p Piece) Name() (name string, end int) {
	words := strings.Fields(p.Text)
	if len(words) == 0 {
		return "", len(p.Text)
	}
	return words[0], strings.Index(p.Text, words[0]) + len(words[0])
}

// Parse cuts a prompt into pieces, in its order. Pieces without text are left out.
func Parse(prompt string) []Piece {
	var out []Piece
	for _, w := range weights(escaped(prompt), 1) {
		out = append(out, embeddings(w)...)
	}
	return out
}

// embeddings cuts a stretch of one weight where embeddings begin, and takes its escapes back.
func embeddings(w stretch) []Piece {
	text := unescaped(w.text)
	whole := Piece{Weight: w.weight}
	var b strings.Builder
	for _, l := range text {
		for range len(string(l.r)) {
			whole.places = append(whole.places, [2]int{l.start, l.end})
		}
		b.WriteRune(l.r)
	}
	whole.Text = b.String()

	var out []Piece
	add := func(start, end int) {
		if start < end {
			p := Piece{Text: whole.Text[start:end], Weight: w.weight, places: whole.places[start:end], begin: whole.places[start][0]}
			if strings.HasPrefix(p.Text, identifier) {
				p.Text, p.places, p.Embedding = p.Text[len(identifier):], p.places[len(identifier):], true
			}
			out = append(out, p)
		}
	}
	begin := 0
	for i := 0; i < len(whole.Text); i++ {
		if c := whole.Text[i]; (c == ' ' || c == '\n') && strings.HasPrefix(whole.Text[i+1:], identifier) {
			add(begin, i)
			begin = i + 1
			i += len(identifier)
		}
	}
	add(begin, len(whole.Text))
	return out
}
