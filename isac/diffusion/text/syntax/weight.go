package syntax

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// letter is a character and the bytes [start,end) of the prompt that it stands for.
type letter struct {
	r          rune
	start, end int
}

// Escaped parentheses are two characters while weights are read, as in ComfyUI: a length of two parentheses is then the same there
// and here.
const (
	mark       = 0
	closeAfter = 1
	openAfter  = 2
)

// escaped gives a prompt's characters, with \( and \) out of the way.
func escaped(prompt string) []letter {
	var out []letter
	for i := 0; i < len(prompt); {
		if strings.HasPrefix(prompt[i:], `\(`) || strings.HasPrefix(prompt[i:], `\)`) {
			which := rune(openAfter)
			if prompt[i+1] == ')' {
				which = closeAfter
			}
			out = append(out, letter{mark, i, i + 2}, letter{which, i, i + 2})
			i += 2
			continue
		}
		r, size := utf8.DecodeRuneInString(prompt[i:])
		out = append(out, letter{r, i, i + size})
		i += size
	}
	return out
}

// unescaped has the parentheses in the place of their marks.
func unescaped(text []letter) []letter {
	out := make([]letter, 0, len(text))
	for i := 0; i < len(text); i++ {
		l := text[i]
		if l.r == mark && i+1 < len(text) && (text[i+1].r == closeAfter || text[i+1].r == openAfter) {
			l.r, l.end = '(', text[i+1].end
			if text[i+1].r == closeAfter {
				l.r = ')'
			}
			i++
		}
		out = append(out, l)
	}
	return out
}

// stretch is a run of characters of one weight.
type stretch struct {
	text   []letter
	weight float64
}

// deepest is how deep weights may lie within each other. ComfyUI gives up with an error at about a thousand.
const deepest = 500

// weights cuts a text by its weights.
func weights(text []letter, weight float64) []stretch { return weightsAt(text, weight, 0) }

func weightsAt(text []letter, weight float64, depth int) []stretch {
	var out []stretch
	for _, item := range groups(text) {
		n := len(item)
		if n < 2 || item[0].r != '(' || item[n-1].r != ')' || depth == deepest {
			out = append(out, stretch{item, weight})
			continue
		}
		inner, own := item[1:n-1], weight*1.1
		if at := lastColon(inner); at > 0 {
			if w, err := float(inner[at+1:]); err == nil {
				inner, own = inner[:at], w
			}
		}
		out = append(out, weightsAt(inner, own, depth+1)...)
	}
	return out
}

// groups cuts a text before each outermost "(" and behind its ")". A ")" too many makes the next "(" an inner one.
func groups(text []letter) [][]letter {
	var out [][]letter
	begin, level := 0, 0
	cut := func(end int) {
		if begin < end {
			out = append(out, text[begin:end])
		}
		begin = end
	}
	for i, l := range text {
		switch l.r {
		case '(':
			if level == 0 {
				cut(i)
			}
			level++
		case ')':
			if level--; level == 0 {
				cut(i + 1)
			}
		}
	}
	cut(len(text))
	return out
}

func lastColon(text []letter) int {
	for i := len(text) - 1; i >= 0; i-- {
		if text[i].r == ':' {
			return i
		}
	}
	return -1
}

// float reads a number as Python's float() does: spaces around it, "_" between digits, no hexadecimal.
func float(text []letter) (float64, error) {
	var b strings.Builder
	for _, l := range text {
		b.WriteRune(l.r)
	}
	s := strings.TrimFunc(b.String(), func(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f })
	if strings.ContainsAny(s, "xXpP") {
		return 0, strconv.ErrSyntax
	}
	for i := range len(s) {
		if s[i] == '_' && (i == 0 || i == len(s)-1 || !digit(s[i-1]) || !digit(s[i+1])) {
			return 0, strconv.ErrSyntax
		}
	}
	w, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	if errors.Is(err, strconv.ErrRange) && math.IsInf(w, 0) {
		return w, nil
	}
	return w, err
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
