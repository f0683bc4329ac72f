package render

import (
	"math"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/score"
)

func lossRecord(method, prompt string, seed uint64, ins ...float64) score.Record {
	r := score.Record{Task: "mixed", Method: method, Prompt: prompt, Seed: seed}
	for i, v := range ins {
		r.Losses = append(r.Losses, score.StepLoss{Step: i, Instance: v})
	}
	return r
}

// The mean is over pictures, its interval over prompts, and only pictures that all measured methods have are in it.
func TestCurvesByHand(t *testing.T) {
	records := []score.Record{
		lossRecord("a", "p", 1, 1, 5), lossRecord("a", "p", 2, 3, 5), lossRecord("a", "q", 1, 8, 5),
		lossRecord("b", "p", 1, 2), lossRecord("b", "p", 2, 2), lossRecord("b", "q", 1, 2),
		lossRecord("a", "r", 1, 1000), // b lacks it
		{Task: "mixed", Method: "none", Prompt: "p", Seed: 1},
		{Task: "mixed", Method: "ae", Prompt: "p", Seed: 1, Losses: []score.StepLoss{{Loss: 0.9}}}, // another loss
		{Task: "mixed", Method: "ae", Prompt: "p", Seed: 2, Losses: []score.StepLoss{{Loss: 0.9}}},
		{Task: "mixed", Method: "ae", Prompt: "q", Seed: 1, Losses: []score.StepLoss{{Loss: 0.9}}},
	}
	records[2].Losses[1].Skipped = "fewer foreground pixels than instances"
	got := curves(records, []string{"none", "a", "b", "ae"}, func(l score.StepLoss) float64 { return l.Instance })
	if len(got) != 2 || got[0].method != "a" || got[1].method != "b" || len(got[0].points) != 2 || len(got[1].points) != 1 {
		t.Fatalf("got %+v", got)
	}
	// Step 0 of a: 1, 3, 8 have the mean 4; off it prompt p is −4 in sum and q +4; √(2·(16+16))/3 = 8/3 is the standard error.
	near(t, "mean", got[0].points[0].mean, 4)
	near(t, "low", got[0].points[0].low, 4-1.96*8/3)
	near(t, "high", got[0].points[0].high, 4+1.96*8/3)
	// Step 1 of a is skipped for q, so that one prompt is left, which has no interval.
	near(t, "mean of one prompt", got[0].points[1].mean, 5)
	near(t, "low of one prompt", got[0].points[1].low, 5)
	near(t, "b", got[1].points[0].mean, 2)
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-12*math.Max(1, math.Abs(want)) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestLossesOfDifferentScalesNeedLogarithms(t *testing.T) {
	of := func(means ...float64) []curve {
		c := curve{}
		for i, m := range means {
			c.points = append(c.points, point{step: i, mean: m})
		}
		return []curve{c}
	}
	if _, log := lossScale(of(0, 0.1, 4.9)); log {
		t.Error("0.1 to 4.9 wants no logarithms, and 0 does not count")
	}
	if floor, log := lossScale(of(0, 0.1, 5.1)); !log || floor != 0.05 {
		t.Errorf("0.1 to 5.1 wants logarithms from 0.05: got %v from %v", log, floor)
	}
}

func TestTicks(t *testing.T) {
	labels := func(low, high float64, n int) []string {
		var all []string
		for _, tick := range (fewTicks{n}).Ticks(low, high) {
			all = append(all, tick.Label)
		}
		return all
	}
	same(t, labels(-46, 46, 5), "−40", "−20", "0", "20", "40")
	same(t, labels(0, 0.13, 6), "0.00", "0.05", "0.10")
	same(t, labels(0, 1, 6), "0.0", "0.2", "0.4", "0.6", "0.8", "1.0")
	same(t, labels(3, 3, 5))
	var decades []string
	for _, tick := range (decadeTicks{}).Ticks(-1.5, 2.2) {
		decades = append(decades, tick.Label)
	}
	same(t, decades, "0.1", "1", "10", "100")
	var steps []string
	for _, tick := range (wholeTicks{49}).Ticks(0, 49) {
		steps = append(steps, tick.Label)
	}
	same(t, steps, "0", "10", "20", "30", "40")
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("got %q, want %q", got, want)
		return
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("got %q, want %q", got, want)
			return
		}
	}
}
