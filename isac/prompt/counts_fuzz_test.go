package prompt

import (
	"testing"
)

// FuzzCounts reads any counts against any text, and moves what was read into any prompt: places always hold the words.
func FuzzCounts(f *testing.F) {
	f.Add("cat=2, dog=1", "two cats and a dog", "a dog, two Cats")
	f.Add("kätzchen=1;\xff=2", "Ein KÄTZCHEN \xff", "\xff kätzchen")
	f.Add("İ=1, ſ=2, K=3", "i̇ S k", "K")
	f.Fuzz(func(t *testing.T, counts, text, positive string) {
		check := func(p Parsed, in string) {
			for _, phrase := range p.Phrases {
				if phrase.Start < 0 || phrase.End > len(in) || phrase.Start >= phrase.End || in[phrase.Start:phrase.End] != phrase.Text || phrase.Count < 1 {
					t.Fatalf("phrase %+v does not stand in %q", phrase, in)
				}
			}
		}
		parsed, err := ParseCounts(counts, text)
		if err != nil {
			return
		}
		check(parsed, text)
		if moved, err := parsed.In(positive); err == nil {
			check(moved, positive)
			if len(moved.Phrases) != len(parsed.Phrases) {
				t.Fatalf("%d phrases became %d", len(parsed.Phrases), len(moved.Phrases))
			}
		}
	})
}
