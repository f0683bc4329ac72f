package guidance

import (
	"errors"
	"fmt"
	"slices"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/torch"
)

// ErrClosed is returned by a session that was closed. Open another.
var ErrClosed = errors.New("guidance: the session is closed")

// Model is what guidance needs of a diffusion model under one conditioning.
type Model interface {
	// Taps evaluates the model once, on the conditional side alone, at what it takes in, X_t [1,C,H,W], and returns its attention
	// layers. Where gradients are enabled the taps must be differentiable with respect to x. It may panic with *torch.Error, as ops do.
	Taps(x torch.Tensor, timestep float64) ([]attention.Tap, error)
}

// Frugal is a Model that can do with less memory.
type Frugal interface {
	// Exhausted is told of a step that ran out of memory, of which nothing is left. Without an error the step is tried once more. Again
	// says that it was: then there has to be one, which says what there was and what it needs.
	Exhausted(cause error, again bool) error
}

// Noise is how a family's host latent x at a noise level σ becomes what its model takes in, and back.
type Noise interface {
	// Timestep is what the model is told for σ.
	Timestep(sigma float64) float64
	// Input maps x to X_t, of the same shape: x/√(1+σ²) of models that predict noise or velocity, x itself of flow models.
	Input(x torch.Tensor, sigma float64) torch.Tensor
	// Output is the inverse of Input.
	Output(x torch.Tensor, sigma float64) torch.Tensor
}

// Config is what a session is opened with.
type Config struct {
	Model  Model
	Noise  Noise
	Method Method
	Target Target
	// Seed is the image's own. It is added to Options.DirectionSeed, so that random directions are as different from image to
	// image as their noise is.
	Seed uint64
	// Measure has every step looked at and none moved: a run that gives the bits of an unguided one and reports its losses. It
	// costs one evaluation of the model a step, without gradient.
	Measure bool
	// Observe, if not nil, is called at the end of each step with all that was seen. Steps that guidance leaves out are looked at
	// too, for one more evaluation of the model each; the guided latents stay the same. Maps are copied only for an observer.
	Observe func(Maps)
	// ObserveSelf, if not nil, tells at which steps the observer wants self-attention too, Maps.Self: on a grid of 64×64 that is 64 MiB.
	ObserveSelf func(Step) bool
	// Predicted is told what the model predicted, where the options reuse it (Options.Reuse), before Guide returns: at each step that is
	// to be guided, also where it is skipped in the end. Model has to be an Evaluator then. The tensors are freed after it.
	Predicted func(Prediction)
}

// Session guides one sampling run of one image. It holds no tensors from one step to the next. It is for one goroutine at a time:
// the one that owns the model.
type Session struct {
	config  Config
	options Options
	guide   Guide
	parts   []*Session // of a sequence, which has no guide of its own
	stale   bool       // guide has seen steps that were not guided, for an observer
	scale   float64    // of the loss, as the last step through a float16 model had it; 0 before the first
	closed  bool
}

// Open starts guidance of one image. It fails, naming everything that is wrong, where the configuration does not hold together.
func Open(c Config) (*Session, error) {
	var errs []error
	if c.Model == nil || c.Noise == nil || c.Method == nil {
		errs = append(errs, errors.New("guidance: a session needs a model, its noise and a method"))
	}
	errs = append(errs, c.Target.Validate())
	s := &Session{config: c}
	if c.Method != nil {
		s.options = c.Method.Common()
		if _, only := c.Method.(Chooser); only {
			s.config.Measure = true
		}
		errs = append(errs, c.Method.Validate())
		var err error
		if several, is := c.Method.(Sequence); is {
			s.parts, err = openParts(c, several.Methods())
		} else {
			err = errors.Join(c.canReuse(s.options.Reuse), s.start())
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

// start makes the guide anew: it then knows nothing of any step.
func (s *Session) start() (err error) {
	if s.aimless() != "" {
		return nil
	}
	s.guide, err = s.config.Method.Begin(s.config.Target)
	s.stale = false
	return err
}

// Resume makes the next step go on from labels, the instance of each pixel, -1 for none, in row-major order on a grid of
// height·width: the Labels of an earlier report. It is for runs that go on in a new session, and has no effect with methods that
// remember nothing, or if the model's grid turns out to be another.
func (s *Session) Resume(labels []int, height, width int) error {
	if s.aimless() != "" {
		return nil
	}
	if len(labels) != height*width || len(labels) == 0 {
		return fmt.Errorf("guidance: %d labels for a grid of %dx%d", len(labels), height, width)
	}
	for i, l := range labels {
		if l < -1 || l >= s.config.Target.Instances() {
			return fmt.Errorf("guidance: label %d at pixel %d: it must be -1 or in 0..%d", l, i, s.config.Target.Instances()-1)
		}
	}
	for _, part := range s.parts {
		if err := part.Resume(labels, height, width); err != nil {
			return err
		}
	}
	if g, ok := s.guide.(Resumer); ok {
		return g.Resume(slices.Clone(labels), height, width)
	}
	return nil
}

// Close ends the session. Closing twice is allowed.
func (s *Session) Close() {
	s.closed = true
	for _, part := range s.parts {
		part.Close()
	}
}

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

// aimless tells why there is nothing to guide towards, "" if there is.
func (s *Session) aimless() string {
	if len(s.config.Target.Classes) > 0 {
		return ""
	}
	return s.config.Target.Reason
}

// idle tells why a step needs no look at the model, "" if it does.
func (s *Session) idle(step Step) string {
	if why := s.options.leaves(step); why != "" {
		return why
	}
	return s.guide.Idle(step)
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
