package prompt

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// spansOf makes tokens as the tokenizer does: a beginning, one token a listed piece of the text, and an end and padding that stand for
// no byte at the text's end. "|" ends a chunk, which has an end and a beginning of its own.
func spansOf(t *testing.T, text string, pieces ...string) [][2]int {
	t.Helper()
	spans, at := [][2]int{{}}, 0
	for _, piece := range pieces {
		if piece == "|" {
			spans = append(spans, [2]int{at, at}, [2]int{at, at})
			continue
		}
		i := strings.Index(text[at:], piece)
		if i < 0 {
			t.Fatalf("%q has no %q after byte %d", text, piece, at)
		}
		spans = append(spans, [2]int{at + i, at + i + len(piece)})
		at += i + len(piece)
	}
	end := [2]int{len(text), len(text)}
	return append(spans, end, end)
}

func TestLocate(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		pieces     []string
		want       [][]int
		unread     string // part of the note, of one class
	}{
		{"one token a word", "two cats and a dog", []string{"two", "cats", "and", "a", "dog"}, [][]int{{2}, {5}}, ""},
		{"a word of two tokens", "a frisbee", []string{"a", "fris", "bee"}, [][]int{{2, 3}}, ""},
		{"two words", "five hot dogs", []string{"five", "hot", "dogs"}, [][]int{{2, 3}}, ""},
		{"a token that begins with the space", "two cats", []string{"two", " cats"}, [][]int{{2}}, ""},
		{"two chunks", "two cats and a dog", []string{"two", "cats", "|", "and", "a", "dog"}, [][]int{{2}, {7}}, ""},
		{"a word in two chunks", "a frisbee", []string{"a", "fris", "|", "bee"}, [][]int{{2, 5}}, ""},
		{"beyond the limit", "two cats and a dog", []string{"two", "cats"}, [][]int{{2}, nil}, `"dog" at bytes 15-18 of the prompt is left out`},
		{"cut within the words", "five hot dogs", []string{"five", "hot"}, [][]int{nil}, "does not read the whole word"},
		{"cut within the word", "two cats and a frisbee", []string{"two", "cats", "and", "a", "fris"}, [][]int{{2}, nil}, `"frisbee"`},
		{"begun within the word", "a frisbee", []string{"bee"}, [][]int{nil}, `"frisbee"`},
		{"nothing read", "two cats", nil, [][]int{nil}, `"cats"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			parsed := Parse(tt.text)
			got, err := parsed.Locate(spansOf(t, tt.text, tt.pieces...))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("positions %v, want %v", got, tt.want)
			}
			notes := parsed.Unread(got)
			if tt.unread == "" && len(notes) > 0 || tt.unread != "" && (len(notes) != 1 || !strings.Contains(notes[0], tt.unread)) {
				t.Errorf("notes %q, want %q", notes, tt.unread)
			}
		})
	}
	for _, text := range []string{"", "a photo of nothing"} {
		if _, err := Parse(text).Locate(nil); !errors.Is(err, ErrNoClass) {
			t.Errorf("%q gives %v, want ErrNoClass", text, err)
		}
	}
	// Weights and parentheses within and around a word have no tokens.
	text := "five (hot:1.2) ((dogs)) and a (cat:0.9)"
	parsed := Parsed{Prompt: text, Phrases: []Phrase{{Text: "hot:1.2) ((dogs", Start: 6, End: 21}, {Text: "(cat:0.9)", Start: 30, End: 39}}}
	got, err := parsed.Locate(spansOf(t, text, "five", "hot", "dogs", "and", "a", "cat"))
	if want := [][]int{{2, 3}, nil}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("positions %v, %v, want %v", got, err, want)
	}
}
