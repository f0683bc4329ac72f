package prompt

import (
	"slices"
	"testing"
)

// FuzzParse holds for any text that parsing never fails, gives the same twice, and spans hold together with the text and its tokens.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"a photo of two cats and a dog", "half a dozen", "a pair of", "two or", "twenty-", "a group of of of", "in the style of",
		"(a:1.2)", "’s ’", "no no no", "\xff", "a black and", "one hundred thousand", "2-3-4", "5 year old", "١٢ cats", "a b of c of d, and the e's",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := Parse(text)
		check(t, p)
		if p.Prompt != text {
			t.Fatalf("prompt is %q, want %q", p.Prompt, text)
		}
		again := Parse(text)
		if read(p) != read(again) || !slices.Equal(p.Notes, again.Notes) {
			t.Fatalf("%q reads differently a second time", text)
		}
		// One token a byte: every class has as many tokens as bytes.
		spans := make([][2]int, len(text)+1)
		for i := range len(text) {
			spans[i+1] = [2]int{i, i + 1}
		}
		positions, err := p.Locate(spans)
		if (err != nil) != (len(p.Phrases) == 0) {
			t.Fatalf("%q: locate says %v for %d phrases", text, err, len(p.Phrases))
		}
		for i, ph := range p.Phrases {
			if len(positions[i]) != ph.End-ph.Start {
				t.Fatalf("%q: %d tokens for %q", text, len(positions[i]), ph.Text)
			}
		}
	})
}
