package bench

import (
	"strings"
	"testing"
	"time"

	"github.com/isac-guidance/isac/isac/bench/score"
	"github.com/isac-guidance/isac/isac/bench/task"
)

func TestTally(t *testing.T) {
	item := task.Item{Task: "multi-instance", Level: 3, Prompt: "A photo of three cats.", Wanted: []score.Wanted{{Class: "cat", Count: 3}}}
	plan := &Plan{Request: Request{Methods: parsed(t, "none", "isac"), Split: "select"}}
	for seed := range uint64(3) {
		plan.Pairs = append(plan.Pairs, task.Pair{Item: item, Seed: seed})
	}
	// Records that are not of this plan do not count: another method, another seed.
	tally := NewTally(plan, []score.Record{record("none", 0, 3), record("random", 0, 3), record("isac", 77, 3)})
	now := time.Now()
	tally.start, tally.now = now, func() time.Time { return now }
	if got := tally.String(); got != "1/6 ratio none 1.000 isac -" {
		t.Errorf("at the start: %q", got)
	}
	if tally.Left() >= 0 {
		t.Error("there is an estimate before the first picture")
	}
	now = now.Add(30 * time.Second)
	tally.Add(Picture{Method: "isac", Ratio: 1})
	tally.Add(Picture{Method: "none", Ratio: 0.5})
	if got := tally.String(); got != "3/6 4.0/min, 45 s left; ratio none 0.750 isac 1.000" {
		t.Errorf("later: %q", got)
	}
}

func TestRough(t *testing.T) {
	var got []string
	for _, d := range []time.Duration{0, 89 * time.Second, 91 * time.Second, 89 * time.Minute, 200 * time.Minute, 26 * time.Hour} {
		got = append(got, Rough(d))
	}
	if want := "0 s, 89 s, 2 min, 89 min, 3 h 20 min, 26 h 0 min"; strings.Join(got, ", ") != want {
		t.Errorf("%q", got)
	}
}
