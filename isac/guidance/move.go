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
			r.StepNorm, r.LatentNorm = seen.stepNorm, seen.latentNorm
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
	if r.Moves > 1 { // norms of moves do not add up
		r.StepNorm = wide(to).Sub(wide(x.Detach())).NormAll().Item()
	}
	if r.Moves == 0 {
		return torch.Tensor{}, nil
	}
	return to, nil
}

// once looks at the model at one place of a step, and gives where it leads; undefined where the look says why it leads nowhere. Nothing
// else is left of the look's tensors.
func (s *Session) once(at torch.Tensor, r *Report, maps *Maps) (next torch.Tensor, seen look, err error) {
	how := glance{grad: s.takesGradient(), predict: s.options.Reuse.On(), maps: maps, move: true}
	for { // a second time, which supposes nothing, where the first has missed
		next, err = scoped(func() (torch.Tensor, error) {
			if seen, err = s.look(at, r.Step, how); err != nil {
				return torch.Tensor{}, err
			}
			s.settle(&seen, r)
			m := s.descend(&seen, r.Step)
			read := readAll(seen.unread, m.norms)
			s.learn(&seen, read[0], read[1])
			return s.land(&seen, m, read[1]), nil
		})
		if err != nil || !seen.missed {
			return next, seen, err
		}
	}
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

// movement is a move of which nothing was read from the device yet.
type movement struct {
	to torch.Tensor // undefined where there is none
	// norms are those of the gradient, of X_t and of the move, three numbers in float64.
	norms torch.Tensor
}

// descend takes one move from where seen was seen, against the gradient or in a random direction as far, in the type of X_t; there is none
// where seen.Skipped says why.
func (s *Session) descend(seen *look, step Step) movement {
	if seen.Skipped != "" {
		return movement{}
	}
	from := wide(seen.at.Detach())
	latent, norm := from.NormAll().To(torch.Float64), torch.Tensor{}
	var direction torch.Tensor
	if s.takesGradient() {
		torch.WithGrad(func() { direction = s.slope(seen) })
		if !direction.Defined() {
			return movement{}
		}
		norm = direction.NormAll().To(torch.Float64)
	} else {
		norm = torch.Ones([]int64{}, torch.Float64, from.Device())
	}
	if s.options.Direction == DirectionRandom {
		direction = randomLike(from, s.options.DirectionSeed+s.config.Seed, step.Index).Mul(norm)
	}
	pace := 1.0
	if p, ok := s.guide.(Pacer); ok {
		pace = p.Pace(step)
	}
	to := s.options.move(from, direction, latent, norm, pace).To(seen.at.DType())
	moved := wide(to).Sub(from).NormAll().To(torch.Float64)
	return movement{to, torch.Stack([]torch.Tensor{norm, latent, moved}, 0)}
}

// land gives where a move leads, after its norms were read, and the losses, where they were left unread; undefined where seen.Skipped says why it
// leads nowhere, or where what was supposed for it is not so.
func (s *Session) land(seen *look, m movement, norms []float64) torch.Tensor {
	if seen.missed || seen.Skipped != "" || !m.to.Defined() {
		return torch.Tensor{}
	}
	gradient, latent, moved := norms[0], norms[1], norms[2]
	if s.takesGradient() {
		if seen.Skipped = unfit(gradient); seen.Skipped != "" {
			return torch.Tensor{}
		}
		seen.gradNorm = gradient
	}
	if !finite(moved) {
		seen.gradNorm = 0
		seen.Skipped = fmt.Sprintf("a step of size %v leads out of the numbers: lower eta", s.options.Eta)
		return torch.Tensor{}
	}
	seen.latentNorm, seen.stepNorm = latent, moved
	return m.to
}

// unfit tells why a gradient of this norm is of no use, "" if it is.
func unfit(norm float64) string {
	switch {
	case !finite(norm):
		return "the gradient is not finite (NaN or Inf)"
	case norm == 0:
		return "the gradient is zero"
	}
	return ""
}

// gradient is slope of which seen.Skipped says so where it is of no use.
func (s *Session) gradient(seen *look) torch.Tensor {
	g := s.slope(seen)
	if !g.Defined() {
		return g
	}
	norm := g.NormAll().Item()
	if seen.Skipped = unfit(norm); seen.Skipped != "" {
		return torch.Tensor{}
	}
	seen.gradNorm = norm
	return g
}

// slope is ∇L_t where seen was seen, in a wide type; undefined where seen.Skipped says why there is none. Gradients have to be on.
func (s *Session) slope(seen *look) torch.Tensor {
	if seen.Skipped != "" {
		return torch.Tensor{}
	}
	loss := seen.total()
	switch {
	case !loss.Defined():
		seen.Skipped = "no loss has weight at this step"
		return torch.Tensor{}
	case seen.gradient.Defined():
		return seen.gradient
	case seen.half && seen.trial == 0:
		return s.scaled(loss, seen.at, seen.loss)
	}
	scale := s.lossScale(seen)
	return wide(torch.Grad(loss.MulScalar(scale), seen.at)[0]).DivScalar(scale)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
