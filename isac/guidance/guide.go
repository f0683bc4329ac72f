package guidance

import (
	"errors"
	"fmt"

	"github.com/isac-guidance/isac/isac/torch"
)

// Guide takes one step: x [1,C,H,W] is the host's latent at step.Sigma, in the host's own parametrisation, and what comes back is
// the latent to go on with, of the same shape, type and device, and what was seen. The step is X̃_t = X_t − η ∇L_t(X_t)
// (Algorithm 1 of ISAC, lines 2-7), whatever the method's L is. The result is a tensor of its own in the caller's scope, and has the
// bits of x where the step was skipped or only measured.
//
// A step is skipped, which the report explains and which is no error, where it is outside the window, no loss has weight, the
// method cannot use what it sees, or maps, loss or gradient are not finite. It fails where x is no single finite latent, the step
// is outside its run, the model's taps do not fit together, or an operation fails.
func (s *Session) Guide(x torch.Tensor, step Step) (torch.Tensor, Report, error) {
	if len(s.parts) > 0 {
		return s.guideParts(x, step)
	}
	maps := s.observed(step)
	out, report, err := s.at(x, step, func(at torch.Tensor, r *Report) (torch.Tensor, error) {
		if reason := s.aimless(); reason != "" {
			if r.Skipped = s.options.leaves(r.Step); r.Skipped == "" {
				r.Skipped, r.Wanted = reason, !s.config.Measure
			}
			return torch.Tensor{}, nil
		}
		idle := s.idle(r.Step)
		if idle == "" && !s.config.Measure {
			return s.move(at, r, maps)
		}
		if s.config.Measure || maps != nil { // a look without a move, which must not change what guidance does
			s.stale = true
			seen, err := s.look(at, r.Step, glance{maps: maps})
			if err != nil {
				return torch.Tensor{}, err
			}
			r.fill(seen)
		}
		if r.Skipped == "" && !s.config.Measure {
			r.Skipped = idle
		}
		return torch.Tensor{}, nil
	})
	if err != nil {
		return torch.Tensor{}, report, err
	}
	return s.taken(x, out, report, maps), report, nil
}

// observed is what the observer is to be shown of a step, nil where there is none.
func (s *Session) observed(step Step) *Maps {
	if s.config.Observe == nil {
		return nil
	}
	return &Maps{WantSelf: s.config.ObserveSelf != nil && s.config.ObserveSelf(step)}
}

// taken tells the observer of a step, and gives the host's latent that it led to: that of X̃_t, or of the bits of x where that is undefined.
func (s *Session) taken(x, to torch.Tensor, report Report, maps *Maps) torch.Tensor {
	if maps != nil && maps.Height > 0 {
		maps.Labels, maps.Masks, maps.Report = report.Labels, report.Masks, report
		s.config.Observe(*maps)
	}
	return torch.Scoped(func() torch.Tensor {
		if !to.Defined() {
			return x.Detach().Clone()
		}
		return s.config.Noise.Output(to, report.Sigma)
	})
}

// Gradient gives ∇L_t at X_t of the host's latent x [1,C,H,W], in float32 or better, without taking the step: for a host that has
// its own use for it. It is undefined where the report says that the step is skipped; the window does not matter to it. It fails
// where Guide does, and of a Sequence, which has not one gradient.
func (s *Session) Gradient(x torch.Tensor, step Step) (torch.Tensor, Report, error) {
	if len(s.parts) > 0 {
		return torch.Tensor{}, Report{}, fmt.Errorf("guidance: %s is several methods, each with a gradient of its own: use one of them", s.config.Method.Name())
	}
	return s.at(x, step, func(at torch.Tensor, r *Report) (gradient torch.Tensor, err error) {
		if r.Skipped = s.aimless(); r.Skipped != "" {
			return torch.Tensor{}, nil
		}
		torch.WithGrad(func() {
			var seen look
			if seen, err = s.look(at, r.Step, glance{grad: true}); err == nil {
				gradient = s.gradient(&seen)
				r.fill(seen)
			}
		})
		return gradient, err
	})
}

// at runs fn on X_t of the host's x, in a scope that its result leaves, after what every step has to hold.
func (s *Session) at(x torch.Tensor, step Step, fn func(at torch.Tensor, r *Report) (torch.Tensor, error)) (torch.Tensor, Report, error) {
	step.Timestep = s.config.Noise.Timestep(step.Sigma)
	report := Report{Step: step}
	if s.closed {
		return torch.Tensor{}, report, ErrClosed
	}
	if err := step.check(); err != nil {
		return torch.Tensor{}, Report{}, err
	}
	try := func() (torch.Tensor, error) {
		report = Report{Step: step}
		return scoped(func() (torch.Tensor, error) {
			if err := checkShape(x); err != nil {
				return torch.Tensor{}, err
			}
			out, err := fn(s.config.Noise.Input(x, step.Sigma), &report)
			if report.Moves == 0 && err == nil { // a move has read the norm of what it started from
				err = checkFinite(x)
			}
			return out, err
		})
	}
	out, err := try()
	if f, ok := s.config.Model.(Frugal); ok && torch.IsOutOfMemory(err) {
		if err = f.Exhausted(err, false); err == nil {
			if out, err = try(); torch.IsOutOfMemory(err) {
				err = f.Exhausted(err, true)
			}
		}
	}
	if err != nil {
		return torch.Tensor{}, report, fmt.Errorf("guidance: step %d of %d: %w", step.Index+1, step.Count, err)
	}
	return out, report, nil
}

// checkShape says what is wrong with a latent beside its values.
func checkShape(x torch.Tensor) error {
	if !x.Defined() {
		return errors.New("the latent is undefined")
	}
	shape := x.Shape()
	switch {
	case len(shape) != 4 || shape[0] != 1:
		return fmt.Errorf("the latent has shape %v, it must be [1, channels, height, width]: guide each image on its own", shape)
	case !x.DType().Floating():
		return fmt.Errorf("the latent is %s, it must be of a floating type", x.DType())
	}
	return nil
}

// checkFinite says whether a latent has values that are no numbers. It waits for the device.
func checkFinite(x torch.Tensor) error {
	if !x.AllFinite() {
		return errors.New("the latent holds values that are not finite (NaN or Inf): the sampler or the model went wrong before guidance")
	}
	return nil
}

// scoped runs fn, frees every tensor that it made but its result, which may be undefined, and makes errors of the panics of operations.
func scoped(fn func() (torch.Tensor, error)) (torch.Tensor, error) {
	out, err := scopedAll(func() ([]torch.Tensor, error) {
		t, err := fn()
		return []torch.Tensor{t}, err
	})
	if err != nil {
		return torch.Tensor{}, err
	}
	return out[0], nil
}

// scopedAll is scoped for several results.
func scopedAll(fn func() ([]torch.Tensor, error)) (out []torch.Tensor, err error) {
	err = torch.Try(func() (err error) {
		kept := torch.WithScope(func() []torch.Tensor {
			var all []torch.Tensor
			if all, err = fn(); err != nil {
				return nil
			}
			return all
		})
		out = kept
		return err
	})
	return out, err
}
