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
	misses  int        // measurements for which something was supposed that was not so
	sure    bool       // the next one supposes nothing
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
