package guidance

import (
	"cmp"
	"fmt"

	"github.com/isac-guidance/isac/isac/torch"
)

// move takes the moves of one step from x = X_t, one for most methods, and gives X̃_t; undefined where the report says that the
// step is skipped.
func (s *Session) move(x torch.Tensor, report *Report, maps *Maps) (torch.Tensor, error) {
	to, err := s.once(x, report, maps)
	if err != nil || report.Skipped != "" {
		return torch.Tensor{}, err
	}
	report.Moves = 1
	refiner, _ := s.guide.(Refiner)
	for loss := report.Loss; refiner != nil && refiner.Again(report.Step, report.Moves, loss); report.Moves++ {
		further := Report{Step: report.Step}
		next, err := scoped(func() (torch.Tensor, error) { return s.once(to, &further, nil) })
		if err != nil {
			return torch.Tensor{}, err
		}
		if further.Skipped != "" {
			break // what was reached stays
		}
		to.Close()
		to, loss = next, further.Loss
	}
	from := wide(x.Detach())
	report.StepNorm, report.LatentNorm = wide(to).Sub(from).NormAll().Item(), from.NormAll().Item()
	return to, nil
}

// once takes one move from x, in x's type; undefined where report says why there is none.
func (s *Session) once(x torch.Tensor, report *Report, maps *Maps) (torch.Tensor, error) {
	direction, norm, err := s.direction(x, report, maps)
	if err != nil || report.Skipped != "" {
		return torch.Tensor{}, err
	}
	pace := 1.0
	if p, ok := s.guide.(Pacer); ok {
		pace = p.Pace(report.Step)
	}
	from := wide(x.Detach())
	to := s.options.move(from, direction, norm, pace).To(x.DType())
	if !finite(wide(to).Sub(from).NormAll().Item()) {
		report.GradNorm = 0
		report.Skipped = fmt.Sprintf("a step of size %v leads out of the numbers: lower eta", s.options.Eta)
		return torch.Tensor{}, nil
	}
	return to, nil
}

// direction gives what a move goes against, in a wide type, and its norm: the gradient, or a random tensor of the same norm. The
// length of a relative step does not depend on the gradient, so a random one does without it and has norm 1.
func (s *Session) direction(x torch.Tensor, report *Report, maps *Maps) (torch.Tensor, float64, error) {
	random := s.options.Direction == DirectionRandom
	seed := s.options.DirectionSeed + s.config.Seed
	if random && s.options.StepRule == StepRelative {
		if err := s.inspect(x, report, maps); err != nil || report.Skipped != "" {
			return torch.Tensor{}, 0, err
		}
		return randomLike(wide(x.Detach()), seed, report.Index), 1, nil
	}
	gradient, err := s.gradient(x, report, maps)
	if err != nil || report.Skipped != "" {
		return torch.Tensor{}, 0, err
	}
	norm := gradient.NormAll().Item()
	switch {
	case !finite(norm):
		report.Skipped = "the gradient is not finite (NaN or Inf)"
		return torch.Tensor{}, 0, nil
	case norm == 0:
		report.Skipped = "the gradient is zero"
		return torch.Tensor{}, 0, nil
	}
	report.GradNorm = norm
	if random {
		gradient = randomLike(gradient, seed, report.Index).MulScalar(norm)
	}
	return gradient, norm, nil
}

// gradient is ∇L_t at x, in a wide type; undefined where the report says that the step is skipped.
func (s *Session) gradient(x torch.Tensor, report *Report, maps *Maps) (gradient torch.Tensor, err error) {
	torch.WithGrad(func() {
		leaf := x.Detach().Clone().SetRequiresGrad(true)
		m, r, failed := s.measure(leaf, report, maps)
		if err = failed; err != nil || report.Skipped != "" {
			return
		}
		loss := total(m.Terms)
		if !loss.Defined() {
			report.Skipped = "no loss has weight at this step"
			return
		}
		if r.Half {
			gradient = s.scaled(loss, leaf, report.Loss)
			return
		}
		scale := cmp.Or(s.options.LossScale, 1)
		gradient = wide(torch.Grad(loss.MulScalar(scale), leaf)[0]).DivScalar(scale)
	})
	return gradient, err
}

// total is the weighted sum of the terms, undefined where none has weight: one without is left out of the graph.
func total(terms []Term) torch.Tensor {
	var sum torch.Tensor
	for _, t := range terms {
		if t.Weight == 0 {
			continue
		}
		v := t.Value.MulScalar(t.Weight)
		if sum.Defined() {
			v = sum.Add(v)
		}
		sum = v
	}
	return sum
}
