package clip

import (
	"strings"
	"unicode/utf8"
)

// endOfWord marks the last symbol of a piece, so that "cat" and the cat of "catalogue" are different tokens.
const endOfWord = "</w>"

// byteSymbols gives every byte a printable character, so that vocabularies are plain text: printable Latin-1 stands for itself, the other
// bytes take the characters from U+0100 on.
var byteSymbols = func() (symbols [256]string) {
	next := rune(0x100)
	for b := range symbols {
		r := rune(b)
		if !printable(b) {
			r = next
			next++
		}
		symbols[b] = string(r)
	}
	return symbols
}()

func printable(b int) bool {
	return b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE
}

// symbol is a run of merged bytes of one piece: what it is called, and the text bytes [start, end) that it covers.
type symbol struct {
	name       string
	start, end int
}

// merge encodes one piece onto e (Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", arXiv:1508.07909): again
// and again the pair that was learned first is joined wherever it stands. offset is where the piece's part begins in the text.
func (t *Tokenizer) merge(e *Encoding, piece []letter, offset int) {
	symbols := make([]symbol, 0, len(piece)+4)
	for _, l := range piece {
		var b [utf8.UTFMax]byte
		for _, c := range b[:utf8.EncodeRune(b[:], l.r)] {
			symbols = append(symbols, symbol{byteSymbols[c], offset + l.start, offset + l.end})
		}
	}
	symbols[len(symbols)-1].name += endOfWord
	for {
		best, rank := [2]string{}, len(t.ranks)
		for i := 1; i < len(symbols); i++ {
			pair := [2]string{symbols[i-1].name, symbols[i].name}
			if r, ok := t.ranks[pair]; ok && r < rank {
				best, rank = pair, r
			}
		}
		if rank == len(t.ranks) {
			break
		}
		symbols = join(symbols, best)
	}
	for _, s := range symbols {
		id, ok := t.ids[s.name]
		if !ok {
			id = t.unknown
		}
		e.IDs = append(e.IDs, id)
		e.Spans = append(e.Spans, [2]int{s.start, s.end})
	}
}

// join merges every such pair from left to right, in place.
func join(symbols []symbol, pair [2]string) []symbol {
	out := symbols[:0]
	for i := 0; i < len(symbols); i++ {
		s := symbols[i]
		if i+1 < len(symbols) && s.name == pair[0] && symbols[i+1].name == pair[1] {
			s.name += symbols[i+1].name
			s.end = symbols[i+1].end
			i++
		}
		out = append(out, s)
	}
	return out
}

// Text gives a token back as it stands in the vocabulary, without the end-of-word mark and with bytes in place of their symbols; "" for
// an id that there is none of. It is meant for messages to people.
func (t *Tokenizer) Text(id int64) string {
	for name, n := range t.ids {
		if n != id {
			continue
		}
		var b strings.Builder
		for _, r := range strings.TrimSuffix(name, endOfWord) {
			b.WriteByte(symbolByte[r])
		}
		return b.String()
	}
	return ""
}

// symbolByte is the other direction of byteSymbols.
var symbolByte = func() map[rune]byte {
	m := map[rune]byte{}
	for b, s := range byteSymbols {
		r, _ := utf8.DecodeRuneInString(s)
		m[r] = byte(b)
	}
	return m
}()
