package guidance

import (
	"cmp"
	"fmt"
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// move takes the moves of one step from x = X_t, one for most methods, and gives X̃_t; undefined where the report says that the step
// is skipped.
func (s *Session) move(x torch.Tensor, r *Report, maps *Maps) (torch.Tensor, error) {
	r.Wanted = true
	if s.stale { // what was only looked at must not change what guidance does
		if err := s.start(); err != nil {
			return torch.Tensor{}, err
		}
	}
	refiner, _ := s.guide.(Refiner)
	to := x
	for again := true; again; {
		var seen look
		next, err := scoped(func() (next torch.Tensor, err error) {
			how := glance{grad: s.takesGradient(), predict: s.options.Reuse.On(), maps: maps}
			if seen, err = s.look(to, r.Step, how); err != nil {
				return next, err
			}
			if how.predict {
				s.config.Predicted(Prediction{At: seen.at.Detach(), Value: seen.prediction.Detach()})
			}
			if seen.Skipped == "" && s.options.SkipBelow > 0 && seen.loss < s.options.SkipBelow {
				seen.Skipped = fmt.Sprintf("the loss is %.4g, below %v (skip_below)", seen.loss, s.options.SkipBelow)
				r.Wanted = r.Moves > 0
			}
			return s.descend(&seen, r.Step), nil
		})
		if err != nil {
			return torch.Tensor{}, err
		}
		if r.Moves == 0 {
			r.fill(seen)
		}
		if !next.Defined() {
			break // what was reached before stays
		}
		to, maps = next, nil
		r.Moves++
		again = refiner != nil && refiner.Again(r.Step, r.Moves, seen.loss)
	}
	if r.Moves == 0 {
		return torch.Tensor{}, nil
	}
	from := wide(x.Detach())
	r.StepNorm, r.LatentNorm = wide(to).Sub(from).NormAll().Item(), from.NormAll().Item()
	return to, nil
}

// takesGradient tells whether a move needs the gradient: the length of a relative step does not depend on it, so a random one does
// without.
func (s *Session) takesGradient() bool {
	return s.options.Direction != DirectionRandom || s.options.StepRule != StepRelative
}

// descend takes one move from where seen was seen, against the gradient or in a random direction as far, in the type of X_t; undefined
// where seen.Skipped says why there is none.
func (s *Session) descend(seen *look, step Step) torch.Tensor {
	if seen.Skipped != "" {
		return torch.Tensor{}
	}
	from, norm := wide(seen.at.Detach()), 1.0
	var direction torch.Tensor
	if s.takesGradient() {
		torch.WithGrad(func() { direction = s.gradient(seen) })
		if !direction.Defined() {
			return direction
		}
		norm = seen.gradNorm
	}
	if s.options.Direction == DirectionRandom {
		direction = randomLike(from, s.options.DirectionSeed+s.config.Seed, step.Index).MulScalar(norm)
	}
	pace := 1.0
	if p, ok := s.guide.(Pacer); ok {
		pace = p.Pace(step)
	}
	to := s.options.move(from, direction, norm, pace).To(seen.at.DType())
	if !finite(wide(to).Sub(from).NormAll().Item()) {
		seen.gradNorm = 0
		seen.Skipped = fmt.Sprintf("a step of size %v leads out of the numbers: lower eta", s.options.Eta)
		return torch.Tensor{}
	}
	return to
}

// gradient is ∇L_t where seen was seen, in a wide type; undefined where seen.Skipped says why there is none. Gradients have to be on.
func (s *Session) gradient(seen *look) (gradient torch.Tensor) {
	if seen.Skipped != "" {
		return gradient
	}
	loss := seen.total()
	if !loss.Defined() {
		seen.Skipped = "no loss has weight at this step"
		return gradient
	}
	if seen.half {
		gradient = s.scaled(loss, seen.at, seen.loss)
	} else {
		scale := cmp.Or(s.options.LossScale, 1)
		gradient = wide(torch.Grad(loss.MulScalar(scale), seen.at)[0]).DivScalar(scale)
	}
	switch norm := gradient.NormAll().Item(); {
	case !finite(norm):
		seen.Skipped = "the gradient is not finite (NaN or Inf)"
	case norm == 0:
		seen.Skipped = "the gradient is zero"
	default:
		seen.gradNorm = norm
		return gradient
	}
	return torch.Tensor{}
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
