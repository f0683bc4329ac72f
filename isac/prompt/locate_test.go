package prompt

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// spansOf makes a beginning token, one token a listed piece of the text, and an end token, as a tokenizer would.
func spansOf(t *testing.T, text string, pieces ...string) [][2]int {
	t.Helper()
	spans, at := [][2]int{{}}, 0
	for _, piece := range pieces {
		i := strings.Index(text[at:], piece)
		if i < 0 {
			t.Fatalf("%q has no %q after byte %d", text, piece, at)
		}
		spans = append(spans, [2]int{at + i, at + i + len(piece)})
		at += i + len(piece)
	}
	return append(spans, [2]int{}, [2]int{})
}

func TestLocate(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		pieces     []string
		want       [][]int
		err        string
	}{
		{"one token a word", "two cats and a dog", []string{"two", "cats", "and", "a", "dog"}, [][]int{{2}, {5}}, ""},
		{"a word of two tokens", "a frisbee", []string{"a", "fris", "bee"}, [][]int{{2, 3}}, ""},
		{"two words", "five hot dogs", []string{"five", "hot", "dogs"}, [][]int{{2, 3}}, ""},
		{"a token that begins with the space", "two cats", []string{"two", " cats"}, [][]int{{2}}, ""},
		{"beyond the limit", "two cats and a dog", []string{"two", "cats"}, nil, `the class "dog" at bytes 15-18 of the prompt lies beyond the model's token limit`},
		{"cut within the word", "five hot dogs", []string{"five", "hot"}, nil, "beyond the model's token limit"},
		{"no class", "a photo of nothing", []string{"a", "photo", "of", "nothing"}, nil, "no countable class found in the prompt"},
		{"spans of another prompt", "cat and dog", []string{"and", "dog"}, nil, `no token covers the class "cat"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(tt.text).Locate(spansOf(t, tt.text, tt.pieces...))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error is %v, want one that says %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("positions %v, want %v", got, tt.want)
			}
		})
	}
	if _, err := Parse("").Locate(nil); !errors.Is(err, ErrNoClass) {
		t.Errorf("an empty prompt gives %v, want ErrNoClass", err)
	}
}
