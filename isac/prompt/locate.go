package prompt

import (
	"errors"
	"fmt"
)

// ErrNoClass is returned where a prompt names nothing that can be counted. Name the objects and how many of them.
var ErrNoClass = errors.New("no countable class found in the prompt")

// Locate gives, for each phrase, the positions of the tokens that cover its class word. spans holds, for each position of the
// model's token sequence, position 0 (the beginning of text) included, the bytes [start,end) of the prompt that the token covers;
// start == end for tokens that cover none (beginning, end, padding).
//
// It fails with ErrNoClass where there is no phrase, and names every class whose word lies, wholly or in part, beyond the
// tokens that the model takes.
func (p Parsed) Locate(spans [][2]int) ([][]int, error) {
	if len(p.Phrases) == 0 {
		return nil, fmt.Errorf("%w %q: name the objects and how many, as in \"a photo of two cats and a dog\"", ErrNoClass, p.Prompt)
	}
	last := 0
	for _, s := range spans {
		last = max(last, s[1])
	}
	var errs []error
	positions := make([][]int, len(p.Phrases))
	for i, ph := range p.Phrases {
		for at, s := range spans {
			if s[0] < ph.End && ph.Start < s[1] {
				positions[i] = append(positions[i], at)
			}
		}
		switch {
		case ph.End > last:
			errs = append(errs, fmt.Errorf("the class %q at bytes %d-%d of the prompt lies beyond the model's token limit, whose last token ends at byte %d: "+
				"shorten the prompt or name the class earlier", ph.Text, ph.Start, ph.End, last))
		case len(positions[i]) == 0:
			errs = append(errs, fmt.Errorf("no token covers the class %q at bytes %d-%d of the prompt: give the spans of this prompt's own tokens", ph.Text, ph.Start, ph.End))
		}
	}
	return positions, errors.Join(errs...)
}
