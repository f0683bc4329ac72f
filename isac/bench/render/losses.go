package render

import (
	"math"
	"sort"

	"github.com/isac-guidance/isac/isac/bench/score"
)

// curve is the mean of one loss at each step of a run, over the pictures of one task and one method.
type curve struct {
	method string
	points []point
}

// point is the mean at one step and its 95 % interval, which is Low = High = Mean where only one prompt was measured.
type point struct {
	step            int
	mean, low, high float64
}

// lossOf reads one of the two losses.
type lossOf func(score.StepLoss) float64

// curves gives each method's mean loss over the steps. Only pictures that every method with losses has are taken, so that
// the curves differ by the method and not by the prompts; steps without these losses are left out.
func curves(records []score.Record, methods []string, of lossOf) []curve {
	type pair struct {
		prompt string
		seed   uint64
	}
	measured := map[string]map[pair]score.Record{}
	for _, r := range records {
		if len(r.Losses) == 0 {
			continue
		}
		if measured[r.Method] == nil {
			measured[r.Method] = map[pair]score.Record{}
		}
		measured[r.Method][pair{r.Prompt, r.Seed}] = r
	}
	common := func(p pair) bool {
		for _, m := range measured {
			if _, ok := m[p]; !ok {
				return false
			}
		}
		return true
	}
	var all []curve
	for _, method := range methods {
		byStep := map[int]map[string][]float64{} // step, then prompt
		for p, r := range measured[method] {
			if !common(p) {
				continue
			}
			for _, l := range r.Losses {
				if !l.Overlap() {
					continue
				}
				if byStep[l.Step] == nil {
					byStep[l.Step] = map[string][]float64{}
				}
				byStep[l.Step][p.prompt] = append(byStep[l.Step][p.prompt], of(l))
			}
		}
		c := curve{method: method}
		for step, prompts := range byStep {
			c.points = append(c.points, meanOf(step, prompts))
		}
		sort.Slice(c.points, func(i, j int) bool { return c.points[i].step < c.points[j].step })
		if len(c.points) > 0 {
			all = append(all, c)
		}
	}
	return all
}

// meanOf is the mean over all pictures with its normal 95 % interval. Pictures of one prompt are alike, so that the
// interval counts prompts, not pictures: it is the standard error of a mean of clusters.
func meanOf(step int, prompts map[string][]float64) point {
	names := make([]string, 0, len(prompts))
	for name := range prompts {
		names = append(names, name)
	}
	sort.Strings(names) // sums in one order give the same bytes twice
	var sum, n float64
	for _, name := range names {
		sort.Float64s(prompts[name])
		for _, v := range prompts[name] {
			sum += v
			n++
		}
	}
	mean := sum / n
	var squares float64
	for _, name := range names {
		var off float64
		for _, v := range prompts[name] {
			off += v - mean
		}
		squares += off * off
	}
	half := 0.0
	if k := float64(len(names)); k > 1 {
		half = 1.96 * math.Sqrt(squares*k/(k-1)) / n
	}
	return point{step: step, mean: mean, low: mean - half, high: mean + half}
}
