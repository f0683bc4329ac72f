package score

import (
	"math"
)

// Relation tells whether one of the losses has to do with what goes wrong in a task. Its numbers are Pearson correlations within
// the levels (x and y less their level's mean), −1..1, so that more objects to ask for do not pass for a cause.
type Relation struct {
	// Loss is "ins" (L_ins) or "cls" (L_cls).
	Loss string `json:"loss"`
	// Run is the method whose losses stand for a run without guidance: the base, where it was measured, else a random control.
	Run string `json:"run"`
	// Missed holds, for some steps, the correlation of Run's loss at that step with the part of the objects that the base lacks. Where
	// overlap makes objects vanish it is clearly above 0.
	Missed []StepCell `json:"missed"`
	// Removed holds, by method, the correlation of how much smaller its loss is than Run's with how much more of the objects it has
	// than the base, at the last of the steps. Where taking overlap away brings objects back it is clearly above 0.
	Removed map[string]Cell `json:"removed,omitempty"`
}

// StepCell is a number of one sampling step, counted from 0.
type StepCell struct {
	Step int `json:"step"`
	Cell
}

// lossNames are the losses by their names in records.
var lossNames = []struct {
	name string
	of   func(StepLoss) float64
}{
	{"ins", func(l StepLoss) float64 { return l.Instance }},
	{"cls", func(l StepLoss) float64 { return l.Class }},
}

// relations computes what the losses have to do with the outcome; nothing where no run stands for one without guidance, and of a
// loss that never varies.
func (g gathered) relations() []Relation {
	run := g.unguided()
	if run < 0 {
		return nil
	}
	steps := g.steps(run)
	ratios := make([][]float64, len(g.pairs)) // by pair and method
	for i, row := range g.pairs {
		for _, r := range row {
			ratios[i] = append(ratios[i], Judge(r).Ratio)
		}
	}
	var all []Relation
	for _, loss := range lossNames {
		r := Relation{Loss: loss.name, Run: g.methods[run], Removed: map[string]Cell{}}
		for _, step := range steps {
			missed, varies := g.correlation(func(pair int) (x, y float64, ok bool) {
				l, ok := g.pairs[pair][run].lossAt(step)
				return loss.of(l), 1 - ratios[pair][0], ok
			})
			if varies {
				r.Missed = append(r.Missed, StepCell{Step: step, Cell: missed})
			}
		}
		if len(r.Missed) == 0 {
			continue
		}
		last := steps[len(steps)-1]
		for m, method := range g.methods {
			if m == 0 || m == run {
				continue
			}
			removed, varies := g.correlation(func(pair int) (x, y float64, ok bool) {
				without, ok1 := g.pairs[pair][run].lossAt(last)
				with, ok2 := g.pairs[pair][m].lossAt(last)
				return loss.of(without) - loss.of(with), ratios[pair][m] - ratios[pair][0], ok1 && ok2
			})
			if varies {
				r.Removed[method] = removed
			}
		}
		all = append(all, r)
	}
	return all
}

// unguided is the place of the method that stands for a run without guidance, −1 where there is none.
func (g gathered) unguided() int {
	for m := range g.methods {
		for _, row := range g.pairs {
			r := row[m]
			control := r.Options != nil && r.Options.Control()
			if (m == 0 || control) && len(r.Losses) > 0 {
				return m
			}
		}
	}
	return -1
}

// steps are the first, the middle and the last step at which every method that has losses has one in some picture.
func (g gathered) steps(run int) []int {
	last := math.MaxInt
	for m := range g.methods {
		end := -1
		for _, row := range g.pairs {
			for _, l := range row[m].Losses {
				if l.Overlap() {
					end = max(end, l.Step)
				}
			}
		}
		if end >= 0 {
			last = min(last, end)
		}
	}
	first := math.MaxInt
	for _, row := range g.pairs {
		for _, l := range row[run].Losses {
			first = min(first, l.Step)
		}
	}
	steps := []int{first}
	for _, step := range []int{(first + last) / 2, last} {
		if step > steps[len(steps)-1] {
			steps = append(steps, step)
		}
	}
	return steps
}

// lossAt is how much overlap guidance saw at a step, false where it did not look for it.
func (r Record) lossAt(step int) (StepLoss, bool) {
	for _, l := range r.Losses {
		if l.Step == step && l.Overlap() {
			return l, true
		}
	}
	return StepLoss{}, false
}

// correlation is Pearson's, within the levels, over the pairs for which of has numbers, and its interval by a bootstrap over prompts;
// false where one of them never varies.
func (g gathered) correlation(of func(pair int) (x, y float64, ok bool)) (Cell, bool) {
	type point struct {
		level  int
		prompt string
		x, y   float64
	}
	type sum struct{ n, x, y float64 }
	var points []point
	sums := map[int]sum{}
	for i, row := range g.pairs {
		if x, y, ok := of(i); ok {
			p := point{row[0].Level, row[0].Prompt, x, y}
			points = append(points, p)
			s := sums[p.level]
			sums[p.level] = sum{s.n + 1, s.x + x, s.y + y}
		}
	}
	t := newTable(5)
	var varyX, varyY bool
	for _, p := range points {
		s := sums[p.level]
		x, y := p.x-s.x/s.n, p.y-s.y/s.n
		// Less is what rounding leaves of equal numbers.
		varyX, varyY = varyX || math.Abs(x) > 1e-9, varyY || math.Abs(y) > 1e-9
		t.add(p.level, p.prompt, x, y, x*x, y*y, x*y)
	}
	if !varyX || !varyY {
		return Cell{}, false
	}
	return t.resample(bootstrapSeed).cell(pearson, 0, 1, 2, 3, 4), true
}

// pearson is the correlation from the means of x, y, x², y² and xy; 0 where there is no spread, as in a resample of equal prompts.
func pearson(v []float64) float64 {
	xx, yy, xy := v[2]-v[0]*v[0], v[3]-v[1]*v[1], v[4]-v[0]*v[1]
	if xx <= 0 || yy <= 0 {
		return 0
	}
	return max(-1, min(1, xy/math.Sqrt(xx*yy)))
}
