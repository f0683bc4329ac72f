package isac

import (
	"errors"
	"fmt"

	"github.com/isac-guidance/isac/isac/prompt"
)

// Class is one kind of object that an image shall hold.
type Class struct {
	// Name is the class word as messages and reports print it: "cat", "hot dog".
	Name string
	// Count is the number of instances asked for, at least 1 (the paper's n_j).
	Count int
	// Tokens are the positions of the class word in the model's token sequence, where the beginning-of-text token is 0
	// (the paper's τ_j). A word of several tokens has several; Options.TokenMerge tells how their columns are joined.
	Tokens []int
}

// Target is what an image shall hold.
type Target struct {
	// Classes are the kinds of objects, in the prompt's order.
	Classes []Class
}

// Instances is the number of instances of all classes together, the paper's N.
func (t Target) Instances() int {
	n := 0
	for _, c := range t.Classes {
		n += c.Count
	}
	return n
}

// Validate reports everything that is wrong with the target, all at once: no class, a count below 1, a class without tokens,
// a negative position, one position in two classes.
func (t Target) Validate() error {
	if len(t.Classes) == 0 {
		return errors.New("isac: the target names no class: give at least one class with a count and its token positions")
	}
	var errs []error
	owner := map[int]string{}
	for i, c := range t.Classes {
		name := c.Name
		if name == "" {
			name = fmt.Sprintf("class %d", i+1)
		}
		if c.Count < 1 {
			errs = append(errs, fmt.Errorf("isac: %s: count is %d, it must be at least 1", name, c.Count))
		}
		if len(c.Tokens) == 0 {
			errs = append(errs, fmt.Errorf("isac: %s: no token positions: give the positions of the class word in the token sequence", name))
		}
		for _, p := range c.Tokens {
			if p < 0 {
				errs = append(errs, fmt.Errorf("isac: %s: token position %d is negative: positions count from 0, the beginning-of-text token", name, p))
				continue
			}
			if first, taken := owner[p]; taken {
				errs = append(errs, fmt.Errorf("isac: %s: token position %d belongs to %s already: a position can stand for one class only", name, p, first))
				continue
			}
			owner[p] = name
		}
	}
	return errors.Join(errs...)
}

// TargetFromPrompt makes a target of what was read from a prompt. spans holds, for each position of the model's token sequence,
// the bytes [start,end) of the prompt that the token covers, start == end where it covers none. Several mentions of one class
// become one class: their counts add up and the tokens of all mentions stand for it.
//
// It fails, naming every class concerned, where the prompt names nothing that can be counted (prompt.ErrNoClass) and where a
// class lies beyond the tokens that the model takes.
func TargetFromPrompt(p prompt.Parsed, spans [][2]int) (Target, error) {
	positions, err := p.Locate(spans)
	if err != nil {
		return Target{}, fmt.Errorf("isac: %w", err)
	}
	var t Target
	index := map[string]int{}
	for i, phrase := range p.Phrases {
		at, known := index[phrase.Class]
		if !known {
			at = len(t.Classes)
			index[phrase.Class] = at
			t.Classes = append(t.Classes, Class{Name: phrase.Class})
		}
		t.Classes[at].Count += phrase.Count
		t.Classes[at].Tokens = append(t.Classes[at].Tokens, positions[i]...)
	}
	return t, t.Validate()
}
