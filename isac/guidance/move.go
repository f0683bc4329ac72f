package guidance

import (
	"fmt"
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// move takes the moves of one step from x = X_t, one for most methods, and gives X̃_t; undefined where the report says that the step
// is skipped.
func (s *Session) move(x torch.Tensor, r *Report, maps *Maps) (torch.Tensor, error) {
	if err := s.begin(r); err != nil {
		return torch.Tensor{}, err
	}
	return s.moves(x, r, func() (torch.Tensor, look, error) { return s.once(x, r, maps) })
}

// begin makes the guide ready for a step that is to be guided: what was only looked at must not change what guidance does.
func (s *Session) begin(r *Report) error {
	r.Wanted = true
	if s.stale {
		return s.start()
	}
	return nil
}

// moves is move, the first of which is taken by first.
func (s *Session) moves(x torch.Tensor, r *Report, first func() (torch.Tensor, look, error)) (torch.Tensor, error) {
	refiner, _ := s.guide.(Refiner)
	next, seen, err := first()
	to := x
	for {
		if err != nil {
			return torch.Tensor{}, err
		}
		if r.Moves == 0 {
			r.fill(seen)
		}
		if !next.Defined() {
			break // what was reached before stays
		}
		to = next
		if r.Moves++; refiner == nil || !refiner.Again(r.Step, r.Moves, seen.loss) {
			break
		}
		next, seen, err = s.once(to, r, nil)
	}
	if r.Moves == 0 {
		return torch.Tensor{}, nil
	}
	from := wide(x.Detach())
	r.StepNorm, r.LatentNorm = wide(to).Sub(from).NormAll().Item(), from.NormAll().Item()
	return to, nil
}

// once looks at the model at one place of a step, and gives where it leads; undefined where the look says why it leads nowhere. Nothing
// else is left of the look's tensors.
func (s *Session) once(at torch.Tensor, r *Report, maps *Maps) (next torch.Tensor, seen look, err error) {
	next, err = scoped(func() (torch.Tensor, error) {
		if seen, err = s.look(at, r.Step, glance{grad: s.takesGradient(), predict: s.options.Reuse.On(), maps: maps}); err != nil {
			return torch.Tensor{}, err
		}
		s.settle(&seen, r)
		return s.descend(&seen, r.Step), nil
	})
	return next, seen, err
}

// settle hands on what the model predicted, and decides whether what was seen is worth a move.
func (s *Session) settle(seen *look, r *Report) {
	if seen.prediction.Defined() {
		s.config.Predicted(Prediction{At: seen.at.Detach(), Value: seen.prediction.Detach()})
	}
	if seen.Skipped == "" && s.options.SkipBelow > 0 && seen.loss < s.options.SkipBelow {
		seen.Skipped = fmt.Sprintf("the loss is %.4g, below %v (skip_below)", seen.loss, s.options.SkipBelow)
		r.Wanted = r.Moves > 0
	}
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
	switch {
	case !loss.Defined():
		seen.Skipped = "no loss has weight at this step"
		return gradient
	case seen.gradient.Defined():
		gradient = seen.gradient
	case seen.half:
		gradient = s.scaled(loss, seen.at, seen.loss)
	default:
		scale := s.lossScale(seen)
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
