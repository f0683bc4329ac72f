package guidance

import (
	"errors"
	"fmt"
)

// Class is one kind of object that an image shall hold.
type Class struct {
	// Name is the class word as messages and reports print it: "cat", "hot dog".
	Name string
	// Count is the number of instances asked for, at least 1 (ISAC's n_j).
	Count int
	// Tokens are the positions of the class word in the model's token sequence, where the beginning-of-text token is 0
	// (ISAC's τ_j). A word of several tokens has several.
	Tokens []int
}

// Target is what an image shall hold.
type Target struct {
	// Classes are the kinds of objects, in the prompt's order.
	Classes []Class
	// Reason tells why there is no class to guide towards, "" where there are some: each step that would be guided is skipped with it.
	Reason string `json:",omitempty"`
}

// Instances is the number of instances of all classes together, ISAC's N.
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
	if len(t.Classes) == 0 && t.Reason != "" {
		return nil
	}
	if len(t.Classes) == 0 {
		return errors.New("guidance: the target names no class: give at least one class with a count and its token positions")
	}
	var errs []error
	owner := map[int]string{}
	for i, c := range t.Classes {
		name := c.Name
		if name == "" {
			name = fmt.Sprintf("class %d", i+1)
		}
		if c.Count < 1 {
			errs = append(errs, fmt.Errorf("guidance: %s: count is %d, it must be at least 1", name, c.Count))
		}
		if len(c.Tokens) == 0 {
			errs = append(errs, fmt.Errorf("guidance: %s: no token positions: give the positions of the class word in the token sequence", name))
		}
		for _, p := range c.Tokens {
			if p < 0 {
				errs = append(errs, fmt.Errorf("guidance: %s: token position %d is negative: positions count from 0, the beginning-of-text token", name, p))
				continue
			}
			if first, taken := owner[p]; taken {
				errs = append(errs, fmt.Errorf("guidance: %s: token position %d belongs to %s already: a position can stand for one class only", name, p, first))
				continue
			}
			owner[p] = name
		}
	}
	return errors.Join(errs...)
}

// CheckTokens reports every class word whose position is outside a sequence of so many tokens.
func (t Target) CheckTokens(tokens int) error {
	var errs []error
	for _, c := range t.Classes {
		for _, p := range c.Tokens {
			if p >= tokens {
				errs = append(errs, fmt.Errorf("guidance: %s: token position %d is outside the model's sequence of %d tokens: shorten the prompt or name the class earlier", c.Name, p, tokens))
			}
		}
	}
	return errors.Join(errs...)
}

// Positions are the token positions of all classes, class by class.
func (t Target) Positions() []int64 {
	var at []int64
	for _, c := range t.Classes {
		for _, p := range c.Tokens {
			at = append(at, int64(p))
		}
	}
	return at
}
