package guidance

import "math"

// Selection says how the best of several runs of an image is found: ISAC_LS, the latent selection of ISAC's later version. As many
// candidates as there are begin from noise of their own, each step adds the step's loss to their scores, and the one with the lowest
//
//	Σ_t L_t
//
// is kept. The zero value is one run, with nothing to choose.
type Selection struct {
	// Candidates is how many runs are made of an image, with the seeds seed, seed+1, …. 1 chooses nothing.
	Candidates int `json:"candidates" help:"How many runs of each image are made, with the seeds seed, seed+1, and so on. The one with the lowest sum of losses is kept."`
	// Halving drops candidates on the way, those with the highest scores so far (see Cuts). Without it all of them are run as long as
	// losses are measured.
	Halving bool `json:"halving" help:"Drops the worse part of the candidates several times on the way, until one is left at the end of the measured steps: that costs less, and decides earlier."`
	// Keep is the part of the candidates that a cut keeps, rounded up, in (0,1).
	Keep float64 `json:"keep" max:"1" step:"0.05" help:"The part of the candidates that goes on at each cut of halving, rounded up: 0.5 keeps the better half."`
}

// mostCandidates bounds Selection.Candidates: a mistyped number should not fill a machine.
const mostCandidates = 1000

// Check reports every option that is out of range to bad.
func (s Selection) Check(bad func(format string, args ...any)) {
	if s.Candidates < 1 || s.Candidates > mostCandidates {
		bad("candidates are %d, expected 1 to %d", s.Candidates, mostCandidates)
	}
	if !(s.Keep > 0 && s.Keep < 1) {
		bad("the part of candidates that is kept is %v, it must be above 0 and below 1", s.Keep)
	}
}

// Several tells whether there is anything to choose.
func (s Selection) Several() bool { return s.Candidates > 1 }

// Cut is a place in a run where candidates end.
type Cut struct {
	// After is how many steps of the run were measured by then; Keep is how many candidates go on.
	After int `json:"after"`
	Keep  int `json:"keep"`
}

// Cuts lists where candidates end in a run whose steps [first, end) are measured; the last cut leaves one.
//
// Without Halving there is one cut, behind the last measured step: what comes after cannot change the choice. With it there are as
// many cuts as it takes to come to one candidate, n → ⌈Keep·n⌉ each, at equal distances over the measured steps: of R cuts the k-th
// comes after ⌈(end−first)·k/R⌉ of them. 8 candidates, the better half of which is kept, and 20 steps of which all are measured: 4 go on
// after 7 steps, 2 after 14, and 1 is left after 20. Of cuts that fall together the last counts.
func (s Selection) Cuts(first, end int) []Cut {
	if !s.Several() || end <= first {
		return nil
	}
	var sizes []int
	for n := s.Candidates; n > 1; {
		if s.Halving {
			n = max(1, min(n-1, int(math.Ceil(s.Keep*float64(n)-1e-9))))
		} else {
			n = 1
		}
		sizes = append(sizes, n)
	}
	var cuts []Cut
	for k, n := range sizes {
		after := first + ((end-first)*(k+1)+len(sizes)-1)/len(sizes)
		if last := len(cuts) - 1; last >= 0 && cuts[last].After == after {
			cuts[last].Keep = n
			continue
		}
		cuts = append(cuts, Cut{After: after, Keep: n})
	}
	return cuts
}

// Running lists how many candidates take each of the steps of a run, [steps], of which [first, end) are measured. Their sum is the cost
// of a selection in steps of one run: with samplers of one evaluation a step, and no losses but those that are read from these very
// evaluations, it is also its cost in evaluations of one run. The example of Cuts costs 7·8 + 7·4 + 6·2 = 96 steps, 4.8 runs; with
// the measured steps ended at half the run, 4·8 + 3·4 + 3·2 + 10·1 = 60 steps, 3 runs.
func (s Selection) Running(first, end, steps int) []int {
	running := make([]int, steps)
	cuts := s.Cuts(first, end)
	n := max(s.Candidates, 1)
	if len(cuts) == 0 {
		n = 1
	}
	for i := range running {
		for len(cuts) > 0 && cuts[0].After <= i {
			n, cuts = cuts[0].Keep, cuts[1:]
		}
		running[i] = n
	}
	return running
}

// Chooser is a Method that moves no latent: it measures several runs of an image and keeps one of them. Its guides are Selectors. A
// session measures with it and never moves (see Config.Measure).
type Chooser interface {
	// Choice says how.
	Choice() Selection
}
