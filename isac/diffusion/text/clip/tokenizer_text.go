package clip

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// letter is one character of a cleaned text and the bytes [start, end) that it came from.
type letter struct {
	r          rune
	start, end int
}

// clean composes (Unicode NFC) and lower-cases, as transformers does. Whitespace needs no cleaning here: it only separates. Bytes that are
// not UTF-8 become U+FFFD, as they do where a text enters Python.
func clean(text string) []letter {
	var letters []letter
	var it norm.Iter
	it.InitString(norm.NFC, text)
	for !it.Done() {
		start := it.Pos()
		composed := string(it.Next())
		end := it.Pos()
		at, same := start, composed == text[start:end]
		for _, r := range composed {
			l := letter{r, start, end}
			if same { // nothing was composed: every character keeps its own place
				_, size := utf8.DecodeRuneInString(text[at:])
				l.start, l.end = at, at+size
				at += size
			}
			letters = append(letters, l)
		}
	}
	return lower(letters)
}

// lower maps each character by itself. 'İ' is the one whose lower case is two characters; Go's unicode.ToLower gives only the first.
func lower(letters []letter) []letter {
	out := letters[:0:0]
	for _, l := range letters {
		if l.r == 'İ' {
			out = append(out, letter{'i', l.start, l.end}, letter{'\u0307', l.start, l.end})
			continue
		}
		out = append(out, letter{unicode.ToLower(l.r), l.start, l.end})
	}
	return out
}

// contractions are tried in this order wherever an apostrophe stands.
var contractions = []string{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}

// pieces cuts a cleaned text as the pattern 's|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+ does. What is left out is whitespace.
func pieces(text []letter) [][]letter {
	var out [][]letter
	for i := 0; i < len(text); {
		n := pieceLength(text[i:])
		if n > 0 {
			out = append(out, text[i:i+n])
		}
		i += max(n, 1)
	}
	return out
}

// pieceLength is the number of characters of the piece that a text begins with, 0 where it begins with whitespace.
func pieceLength(text []letter) int {
	for _, c := range contractions {
		if hasPrefix(text, c) {
			return len(c)
		}
	}
	switch r := text[0].r; {
	case unicode.IsNumber(r):
		return 1
	case unicode.IsLetter(r):
		return run(text, unicode.IsLetter)
	}
	return run(text, func(r rune) bool { return !unicode.IsSpace(r) && !unicode.IsLetter(r) && !unicode.IsNumber(r) })
}

func run(text []letter, is func(rune) bool) int {
	n := 0
	for n < len(text) && is(text[n].r) {
		n++
	}
	return n
}

func hasPrefix(text []letter, prefix string) bool {
	if len(text) < len(prefix) {
		return false
	}
	for i, r := range prefix { // contractions are ASCII
		if text[i].r != r {
			return false
		}
	}
	return true
}

// part is a stretch of a text: one special token (id >= 0) or what lies between.
type part struct {
	id         int64
	start, end int
}

// splitSpecial finds special tokens, which are taken as they stand, before anything is cleaned or lower-cased.
func (t *Tokenizer) splitSpecial(text string) []part {
	var parts []part
	begin := 0
	for i := 0; i < len(text); {
		token, id := "", int64(-1)
		for s, n := range t.special {
			if len(s) > len(token) && strings.HasPrefix(text[i:], s) {
				token, id = s, n
			}
		}
		if id < 0 {
			i++
			continue
		}
		if begin < i {
			parts = append(parts, part{-1, begin, i})
		}
		parts = append(parts, part{id, i, i + len(token)})
		i += len(token)
		begin = i
	}
	if begin < len(text) {
		parts = append(parts, part{-1, begin, len(text)})
	}
	return parts
}
