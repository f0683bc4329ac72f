package guidance_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/guidance"
)

func TestCuts(t *testing.T) {
	cut := func(pairs ...int) (cuts []guidance.Cut) {
		for i := 0; i < len(pairs); i += 2 {
			cuts = append(cuts, guidance.Cut{After: pairs[i], Keep: pairs[i+1]})
		}
		return cuts
	}
	for _, c := range []struct {
		name              string
		s                 guidance.Selection
		first, end, steps int
		cuts              []guidance.Cut
		cost              int
	}{
		{"all run to the end", guidance.Selection{Candidates: 8, Keep: 0.5}, 0, 20, 20, cut(20, 1), 160},
		{"the end of the measured steps decides", guidance.Selection{Candidates: 10, Keep: 0.5}, 0, 4, 20, cut(4, 1), 56},
		{"halves", guidance.Selection{Candidates: 8, Keep: 0.5, Halving: true}, 0, 20, 20, cut(7, 4, 14, 2, 20, 1), 96},
		{"halves in half the run", guidance.Selection{Candidates: 8, Keep: 0.5, Halving: true}, 0, 10, 20, cut(4, 4, 7, 2, 10, 1), 60},
		{"an odd number", guidance.Selection{Candidates: 5, Keep: 0.5, Halving: true}, 0, 9, 9, cut(3, 3, 6, 2, 9, 1), 30},
		{"a window that begins later", guidance.Selection{Candidates: 4, Keep: 0.5, Halving: true}, 4, 8, 10, cut(6, 2, 8, 1), 30},
		{"few steps", guidance.Selection{Candidates: 8, Keep: 0.5, Halving: true}, 0, 2, 4, cut(1, 4, 2, 1), 8 + 4 + 1 + 1},
		{"a third", guidance.Selection{Candidates: 9, Keep: 1. / 3, Halving: true}, 0, 10, 10, cut(5, 3, 10, 1), 60},
		{"hardly any fewer", guidance.Selection{Candidates: 3, Keep: 0.99, Halving: true}, 0, 10, 10, cut(5, 2, 10, 1), 25},
		{"one", guidance.Selection{Candidates: 1, Keep: 0.5, Halving: true}, 0, 10, 10, nil, 10},
		{"no choice", guidance.Selection{}, 0, 10, 10, nil, 10},
		{"nothing measured", guidance.Selection{Candidates: 4, Keep: 0.5}, 10, 10, 10, nil, 10},
	} {
		if got := c.s.Cuts(c.first, c.end); !slices.Equal(got, c.cuts) {
			t.Errorf("%s: cuts %v, want %v", c.name, got, c.cuts)
		}
		sum := 0
		for _, n := range c.s.Running(c.first, c.end, c.steps) {
			sum += n
		}
		if sum != c.cost {
			t.Errorf("%s: %v steps, want %d", c.name, c.s.Running(c.first, c.end, c.steps), c.cost)
		}
	}
}

func TestSelectionIsChecked(t *testing.T) {
	err := guidance.Collect("x", guidance.Selection{Candidates: -1, Keep: 1}.Check)
	for _, want := range []string{"candidates are -1", "kept is 1"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not have %q", err, want)
		}
	}
	if err := guidance.Collect("x", guidance.Selection{Candidates: 1, Keep: 0.5}.Check); err != nil {
		t.Error(err)
	}
}
