package isac

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/guidance"
)

func TestSelectorScore(t *testing.T) {
	step := func(i int, loss float64, skipped string) guidance.Report {
		return guidance.Report{Step: guidance.Step{Index: i, Count: 4}, Loss: loss, Skipped: skipped, Height: 8, Width: 8}
	}
	whole := []guidance.Report{step(0, 4, ""), step(1, 1, ""), step(2, 2, ""), step(3, 8, "")}
	hole := []guidance.Report{step(0, 4, ""), step(1, 0, "the foreground has 1 pixels"), step(2, 2, ""), {Step: guidance.Step{Index: 3, Count: 4}}}
	for _, c := range []struct {
		name       string
		start, end float64
		reports    []guidance.Report
		want       float64
	}{
		{"every step", 0, 1, whole, 15},
		{"the window alone", 0.25, 0.75, whole, 3},
		{"a step that could not be measured", 0, 1, hole, 10},
		{"nothing measured", 0, 1, nil, math.Inf(1)},
		{"nothing in the window", 0.75, 1, hole, math.Inf(1)},
	} {
		s := SelectPaper()
		s.Start, s.End = c.start, c.end
		g, err := s.Begin(guidance.Target{Classes: []guidance.Class{{Count: 2, Tokens: []int{1}}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := g.(guidance.Selector).Score(c.reports); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestSelectorOptions holds that it has ISAC's options but for those of steps, and its own.
func TestSelectorOptions(t *testing.T) {
	names := guidance.SettingNames(SelectPaper())
	for _, name := range []string{"candidates", "halving", "keep", "schedule", "start", "end", "overlap", "kmeans.restarts"} {
		if !slices.Contains(names, name) {
			t.Errorf("there is no option %s in %v", name, names)
		}
	}
	for _, name := range []string{"eta", "direction", "engine"} {
		if _, err := guidance.With(SelectPaper(), map[string]string{name: "1"}); err == nil || !strings.Contains(err.Error(), "no option is called") {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := guidance.With(SelectTyped(), map[string]string{"candidates": "0", "keep": "1", "overlap": "all"})
	for _, want := range []string{"candidates are 0", "is kept is 1", `overlap is "all"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not have %q", err, want)
		}
	}
	if typed := SelectTyped(); typed.End != 1 || typed.SelfNorm != SelfRow || typed.Candidates != 8 {
		t.Errorf("typed is %+v", typed)
	}
}
