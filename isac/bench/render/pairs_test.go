package render

import (
	"fmt"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/detect"
	"github.com/isac-guidance/isac/isac/bench/score"
)

// cats is a record of "two cats" in which so many were found.
func cats(task, prompt string, seed uint64, method string, found int) score.Record {
	r := score.Record{Task: task, Split: "report", Level: 2, Prompt: prompt, Wanted: []score.Wanted{{Class: "cat", Count: 2}}, Seed: seed,
		Method: method, Found: map[string][]detect.Detection{"one": {}}}
	for i := range found {
		x := float64(i) * 12
		r.Found["one"] = append(r.Found["one"], detect.Detection{Class: "cat", Score: 0.9, Box: detect.Box{X0: x, Y0: 30, X1: x + 10, Y1: 50}})
	}
	return r
}

func both(task, prompt string, seed uint64, before, after int) []score.Record {
	return []score.Record{cats(task, prompt, seed, "none", before), cats(task, prompt, seed, "isac", after)}
}

func pairNames(pairs []pair) []string {
	var all []string
	for _, p := range pairs {
		all = append(all, fmt.Sprintf("%s %s %d", p.base.Task, p.base.Prompt, p.base.Seed))
	}
	return all
}

func TestPairsWorthShowing(t *testing.T) {
	var records []score.Record
	add := func(r []score.Record) { records = append(records, r...) }
	add(both("multi-instance", "b", 1, 0, 2)) // ratio +1, exact +1
	add(both("multi-instance", "a", 2, 0, 2)) // the same: goes by prompt
	add(both("multi-instance", "a", 1, 0, 2)) // the same prompt: by seed
	add(both("multi-instance", "c", 1, 1, 2)) // ratio +½, exact +1
	add(both("mixed", "d", 1, 3, 2))          // ratio equal, one too many before
	add(both("mixed", "e", 1, 0, 1))          // ratio +½
	add(both("mixed", "f", 1, 1, 1))          // equal
	add(both("mixed", "g", 1, 2, 4))          // lost by too many
	add(both("multi-instance", "h", 1, 2, 0)) // lost
	add(both("mixed", "i", 1, 0, 1)[:1])      // not made with isac
	records = append(records, cats("mixed", "d", 1, "random", 0))
	got := compare(records, "none", "isac")
	// Tasks take turns, in the order of tables; a prompt comes again only when all others of its task have been.
	same(t, pairNames(got.gained), "multi-instance a 1", "mixed d 1", "multi-instance b 1", "mixed e 1", "multi-instance c 1", "multi-instance a 2")
	same(t, pairNames(got.lost), "multi-instance h 1", "mixed g 1")
	if got.total != 9 {
		t.Errorf("%d pairs, want 9", got.total)
	}
	near(t, "gain of a", got.gained[0].gain(), 2)
	near(t, "gain of d", got.gained[1].gain(), 1)
	near(t, "loss of h", got.lost[0].gain(), -2)
	// The order of records says nothing.
	for i, j := 0, len(records)-1; i < j; i, j = i+1, j-1 {
		records[i], records[j] = records[j], records[i]
	}
	again := compare(records, "none", "isac")
	same(t, pairNames(again.gained), pairNames(got.gained)...)
	same(t, pairNames(again.lost), pairNames(got.lost)...)
}
