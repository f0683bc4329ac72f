package prompt

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// word is one word of a text, or one mark between words.
type word struct {
	low        string // in lower case, curly apostrophes made straight
	start, end int    // byte span in the text
	mark       bool   // a punctuation mark, not a word
}

// scan splits a text into words and marks. A word is letters and digits, with apostrophes, hyphens and the points of a decimal
// number inside. Spaces and control characters only separate.
func scan(text string) []word {
	var words []word
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		switch {
		case isWordRune(r):
			end := wordEnd(text, at)
			if cut := countEnd(text[at:end]); cut > 0 { // "2girls", "3x"
				words = append(words, word{low: text[at : at+cut], start: at, end: at + cut})
				at += cut
				if text[at] == '-' { // "3-cats"
					at++
				}
			}
			w := word{low: lower(text[at:end]), start: at, end: end}
			at = end
			if after := text[at:]; strings.HasSuffix(w.low, "s") && (strings.HasPrefix(after, "' ") || strings.HasPrefix(after, "’ ")) &&
				strings.Count(text[:at], after[:strings.IndexByte(after, ' ')])%2 == 0 {
				w.low += "'" // "the dogs' bones", and no quote is open
			}
			words = append(words, w)
			continue
		case strings.ContainsRune("\"“”'‘’_`", r): // quotes do not separate
		case !unicode.IsSpace(r) && !unicode.IsControl(r):
			words = append(words, word{low: text[at : at+size], start: at, end: at + size, mark: true})
		}
		at += size
	}
	return words
}

// wordEnd finds where the word that begins at a byte position ends.
func wordEnd(text string, at int) int {
	for at < len(text) {
		r, size := utf8.DecodeRuneInString(text[at:])
		if isWordRune(r) {
			at += size
			continue
		}
		if !joins(r) {
			break
		}
		// A joiner belongs to the word only between two of its runes: "t-shirt", "cat's", "1.5", but not "cats'" or "-cat".
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		after, _ := utf8.DecodeRuneInString(text[at+size:])
		if !isWordRune(after) || (r == '.' || r == ',') && !(isDigit(before) && isDigit(after)) {
			break
		}
		at += size
	}
	return at
}

// countEnd gives the length of the digits that a word begins with where the rest is what they count: "2girls", "3x". 0 where it
// is none, as in "4k" and "3d".
func countEnd(w string) int {
	n := 0
	for n < len(w) && isDigit(rune(w[n])) {
		n++
	}
	rest := strings.TrimPrefix(lower(w[n:]), "-")
	if n == 0 || n > 3 || rest == "" {
		return 0
	}
	if rest == "x" || len(rest) > 2 && (nouns[rest] || nouns[singular(rest)] || rest == "others" || rest == "other") {
		return n
	}
	return 0
}

func isWordRune(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r))
}

func joins(r rune) bool { return strings.ContainsRune("-'’‑.,", r) }

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// lower puts a word in the form in which it is looked up.
func lower(s string) string {
	return strings.NewReplacer("’", "'", "‑", "-").Replace(strings.ToLower(s))
}
