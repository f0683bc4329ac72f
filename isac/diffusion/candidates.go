package diffusion

import (
	"fmt"
	"math"
	"slices"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// Result is what a run came to.
type Result struct {
	// Latent is [B,C,h,w], unscaled, float32, on the CPU and kept, for DecodeLatent.
	Latent torch.Tensor
	// Reports are those of the latents, [step][image]; none without guidance.
	Reports [][]guidance.Report
	// Choices has one for each image where candidates were chosen among; nil elsewhere.
	Choices []Choice
	// Cost is what all candidates together asked of the model.
	Cost Cost
}

// Choice is how one of an image's candidates was chosen.
type Choice struct {
	// Chosen is the candidate whose latent it is.
	Chosen int `json:"chosen"`
	// Candidates are all of them, in the order of their seeds.
	Candidates []Candidate `json:"candidates"`
	// Cuts are where candidates ended, counted in steps of the run.
	Cuts []guidance.Cut `json:"cuts"`
	// Reason says why nothing was chosen and the first candidate alone was run; "" where there was a choice.
	Reason string `json:"reason,omitempty"`
}

// Candidate is one run of an image.
type Candidate struct {
	// Seed is the seed of the run: an unguided one of it makes the same picture.
	Seed uint64 `json:"seed"`
	// Loss is its score, the lowest of which is kept: Σ_t L_t over the steps that were measured. nil where none of them could be.
	Loss *float64 `json:"loss"`
	// Measured is how many steps that is over.
	Measured int `json:"measured"`
	// Steps is how many steps of the run it took part in.
	Steps int `json:"steps"`
	// Losses are those of each measured step, L_t.
	Losses []float64 `json:"losses"`
}

// selection is the choice among the candidates of a run while it lasts. A row is one candidate of one image; the candidates of all images
// stand one behind the other, [C·B,…], so that they are one batch for the sampler. Rows that were dropped stay in it, for samplers
// remember steps, but the model does not see them any more.
type selection struct {
	run      *run
	rule     guidance.Selection
	judge    guidance.Selector
	measures bool // no candidate is moved: losses come from the evaluations that the sampler makes anyway
	cuts     []guidance.Cut
	first    int // the first step of the run that is measured, and the one behind the last
	end      int
	images   int
	alive    []bool              // of each row
	seen     [][]guidance.Report // of each row
	steps    []int               // of each row
	taken    int                 // steps of the run that have begun
	ready    *evaluated
	taps     map[int][]attention.Tap // of the rows that were just evaluated
}

// newSelection is nil where nothing is chosen.
func (r *run) newSelection() (*selection, error) {
	if !r.plan.chooses {
		return nil, nil
	}
	g := r.request.Guidance
	guide, err := g.Method.Begin(g.Target)
	if err != nil {
		return nil, err
	}
	judge, ok := guide.(guidance.Selector)
	if !ok {
		return nil, fmt.Errorf("guidance: %s cannot tell which of several runs is best: ask for one candidate, or use another method", g.Method.Name())
	}
	rows := int(r.plan.shape[0])
	s := &selection{
		run: r, rule: g.selection(), judge: judge, measures: g.measures(), images: r.plan.images(),
		alive: slices.Repeat([]bool{true}, rows), seen: make([][]guidance.Report, rows), steps: make([]int, rows),
	}
	s.first, s.end = r.request.measured(r.plan)
	s.cuts = s.rule.Cuts(s.first, s.end)
	return s, nil
}

// score of a row; NaN counts as the worst.
func (s *selection) score(row int) float64 {
	v := s.judge.Score(s.seen[row])
	if math.IsNaN(v) {
		return math.Inf(1)
	}
	return v
}

// ranked are the rows of an image that are still there, the best first; of equals the one of the lower seed.
func (s *selection) ranked(image int) []int {
	var rows []int
	for row := image; row < len(s.alive); row += s.images {
		if s.alive[row] {
			rows = append(rows, row)
		}
	}
	slices.SortStableFunc(rows, func(a, b int) int {
		switch x, y := s.score(a), s.score(b); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	return rows
}

// leaders are the best row of each image so far.
func (s *selection) leaders() []int {
	rows := make([]int, s.images)
	for image := range rows {
		rows[image] = s.ranked(image)[0]
	}
	return rows
}

// cut drops rows where a cut is after so many steps. denoised is what the model makes of all rows there. At the last step nothing is
// dropped: all that was computed is computed.
func (s *selection) cut(denoised torch.Tensor) error {
	for len(s.cuts) > 0 && s.cuts[0].After == s.taken && s.taken < s.run.plan.steps {
		keep := s.cuts[0].Keep
		s.cuts = s.cuts[1:]
		for image := range s.images {
			for _, row := range s.ranked(image)[keep:] {
				s.alive[row] = false
				if err := s.tell(row, denoised); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// tell hands a row's latent to who wants to see all candidates. denoised is in the sampler's scale.
func (s *selection) tell(row int, denoised torch.Tensor) error {
	on := s.run.request.Guidance.OnCandidate
	if on == nil {
		return nil
	}
	return torch.InScope(func() error {
		return on(row%s.images, row/s.images, s.run.p.unscale(denoised.Narrow(0, int64(row), 1)).ToDevice(torch.CPU).Contiguous())
	})
}

// choices tells what was chosen.
func (s *selection) choices() []Choice {
	made := make([]Choice, s.images)
	for image, best := range s.leaders() {
		c := Choice{Chosen: best / s.images, Cuts: s.rule.Cuts(s.first, s.end)}
		for row := image; row < len(s.alive); row += s.images {
			one := Candidate{Seed: s.run.seedOf(row), Steps: s.steps[row], Losses: []float64{}}
			if v := s.score(row); !math.IsInf(v, 0) {
				one.Loss = &v
			}
			for _, r := range s.seen[row] {
				if r.Height > 0 && r.Skipped == "" {
					one.Measured++
					one.Losses = append(one.Losses, r.Loss)
				}
			}
			c.Candidates = append(c.Candidates, one)
		}
		made[image] = c
	}
	return made
}

// pick takes some rows out of x, in their order.
func pick(x torch.Tensor, rows []int) torch.Tensor {
	each := make([]torch.Tensor, len(rows))
	for i, row := range rows {
		each[i] = x.Narrow(0, int64(row), 1)
	}
	return torch.Cat(each, 0)
}

func closeAll(ts []torch.Tensor) {
	for _, t := range ts {
		if t.Defined() {
			t.Close()
		}
	}
}
