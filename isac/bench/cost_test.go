package bench

import (
	"reflect"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// What methods cost is counted and told, and a selection is the plain picture of the seed that it names.
func TestCostsAndChoices(t *testing.T) {
	torchtest.Require(t)
	r := miniRequest(t, "none", "isac:paper", "isac-ls+candidates=3", "isac-ls-halving", "random:typed")
	r.Prompts = 1
	p := planOf(t, r)
	f := all(t, p)
	const plain = 4 * 2 // four steps, both conditionings
	for _, record := range recordsOf(t, f) {
		want := map[string][2]int{
			"none": {plain, 0}, "isac:paper": {plain + 4, 4}, "random:typed": {plain + 2, 0},
			"isac-ls+candidates=3": {3 * plain, 0}, "isac-ls-halving": {2 * (8 + 4 + 1 + 1), 0}, // of two measured steps
		}[record.Method]
		if got := [2]int{record.Evaluations, record.Gradients}; got != want {
			t.Errorf("%s: %v model evaluations with and without gradient, want %v", record.Method, got, want)
		}
		if record.Method == "isac:paper" || record.Method == "none" || record.Method == "random:typed" {
			if record.Choice != nil {
				t.Errorf("%s: a choice %+v", record.Method, record.Choice)
			}
			continue
		}
		best := 0
		for i, l := range record.Choice.Losses {
			if record.Method == "isac-ls+candidates=3" && *l < *record.Choice.Losses[best] {
				best = i
			}
		}
		if n := len(record.Choice.Losses); n != 3 && n != 8 || n == 3 && record.Choice.Seed != record.Seed+uint64(best) {
			t.Errorf("%s: choice %+v", record.Method, record.Choice)
		}
		one := p.Pairs[0]
		one.Seed = record.Choice.Seed
		studio, err := OpenStudio(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		_, chosen, err := studio.Make(t.Context(), Unit{Pair: p.Pairs[0], Method: parsed(t, record.Method)[0]})
		if err != nil {
			t.Fatal(err)
		}
		_, alone, err := studio.Make(t.Context(), Unit{Pair: one, Method: parsed(t, "none")[0]})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(chosen, alone) {
			t.Errorf("%s: it is not the picture of seed %d", record.Method, one.Seed)
		}
		if err := studio.Close(); err != nil {
			t.Error(err)
		}
	}
	if text := table(t, f); !strings.Contains(text, "| isac-ls-halving | 28 | 3.50 | 0 |") {
		t.Errorf("the table does not tell what halving cost:\n%s", text)
	}
}
