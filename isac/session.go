package isac

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/isac-guidance/isac/isac/torch"
)

// ErrClosed is returned by a session that was closed. Start another with NewSession.
var ErrClosed = errors.New("isac: the guidance session is closed")

// Session guides one sampling run of one image. It keeps the instances of the step before, so that they keep their numbers, and
// no tensors. It is for one goroutine at a time: the one that owns the model.
type Session struct {
	model  Model
	target Target
	opt    Options
	engine engine
	closed bool

	observer func(Maps) // nil where nobody observes
}

// NewSession starts guidance of one image towards target. It fails, naming everything that is wrong, where target or opt do not
// hold together.
func NewSession(model Model, target Target, opt Options) (*Session, error) {
	var errs []error
	if model == nil {
		errs = append(errs, errors.New("isac: no model: give one that implements isac.Model"))
	}
	errs = append(errs, target.Validate(), opt.Validate())
	if opt.CrossNorm == CrossSoftmax {
		for _, c := range target.Classes {
			for _, p := range c.Tokens {
				if p == 0 {
					errs = append(errs, fmt.Errorf("isac: %s: token position 0 is left out by the cross-attention normalisation %s: use another position or normalisation", c.Name, CrossSoftmax))
				}
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &Session{model: model, target: target, opt: opt, engine: &dense{
		target: target, opt: opt, clusters: &clusterer{kind: opt.Clustering, opt: opt.KMeans, weight: opt.CoordinateWeight},
	}}, nil
}

// Resume makes the next step start its clusters from labels, the instance of each pixel, -1 for none, in row-major order on a grid
// of height·width: the Labels of an earlier report. It is for runs that go on in a new session. With Options.KMeans.Warm off, or
// if the model's grid turns out to be another, it has no effect.
func (s *Session) Resume(labels []int, height, width int) error {
	if len(labels) != height*width || len(labels) == 0 {
		return fmt.Errorf("isac: %d labels for a grid of %dx%d", len(labels), height, width)
	}
	for i, l := range labels {
		if l < -1 || l >= s.target.Instances() {
			return fmt.Errorf("isac: label %d at pixel %d: it must be -1 or in 0..%d", l, i, s.target.Instances()-1)
		}
	}
	s.engine.resume(slices.Clone(labels), grid{int64(height), int64(width)})
	return nil
}

// Close ends the session. Closing twice is allowed.
func (s *Session) Close() { s.closed = true }

// Guide takes one guided step (Algorithm 1, lines 2-7): it evaluates the model at x = X_t, [1,C,H,W] in the variance-preserving
// parametrisation, and returns X̃_t = X_t − η ∇L_t(X_t), of the same shape, type and device, and what it saw. The result is a
// tensor of its own in the caller's scope, also where the step was skipped. With Options.Direction random it goes as far in a
// random direction instead.
//
// A step is skipped, which the report explains and which is no error, where the step is outside the window, no loss has weight,
// the foreground is smaller than the number of instances, a map is flat, or maps, loss or gradient are not finite. It fails
// where x is no single finite latent, the step is outside its run, the model's taps do not fit together, or an operation fails.
func (s *Session) Guide(x torch.Tensor, step Step) (torch.Tensor, Report, error) {
	return s.run("guided", x, step, func(report *Report, maps *Maps) (torch.Tensor, error) {
		guided, err := s.guide(x, report, maps)
		if err == nil && report.Skipped != "" {
			guided = x.Detach().Clone()
		}
		return guided, err
	})
}

// run is what the steps of every kind have in common: what they check, free and tell the observer. maps is nil where nobody
// observes.
func (s *Session) run(kind string, x torch.Tensor, step Step, fn func(*Report, *Maps) (torch.Tensor, error)) (torch.Tensor, Report, error) {
	report := Report{Step: step}
	if s.closed {
		return torch.Tensor{}, report, ErrClosed
	}
	if step.Count < 1 || step.Index < 0 || step.Index >= step.Count || math.IsNaN(step.Timestep) || math.IsInf(step.Timestep, 0) {
		return torch.Tensor{}, Report{}, fmt.Errorf("isac: step %d of %d at timestep %v: the index must be in 0..count-1 and the timestep a number", step.Index, step.Count, step.Timestep)
	}
	var maps *Maps
	if s.observer != nil {
		maps = &Maps{}
	}
	report.LambdaInstance, report.LambdaClass = s.opt.weights(step)
	out, err := scoped(func() (torch.Tensor, error) {
		if err := checkLatent(x); err != nil {
			return torch.Tensor{}, err
		}
		return fn(&report, maps)
	})
	if err != nil {
		return torch.Tensor{}, report, fmt.Errorf("isac: %s step %d of %d: %w", kind, step.Index+1, step.Count, err)
	}
	if maps != nil && maps.Height > 0 {
		maps.Labels, maps.Masks, maps.Report = report.Labels, report.Masks, report
		s.observer(*maps)
	}
	return out, report, nil
}

// guide fills in the report and gives X̃_t, undefined where the report says that the step is skipped.
func (s *Session) guide(x torch.Tensor, report *Report, maps *Maps) (torch.Tensor, error) {
	if report.Skipped = s.idle(*report); report.Skipped != "" {
		return torch.Tensor{}, nil
	}
	from := wide(x.Detach())
	direction, norm, err := s.direct(x, report, maps)
	if err != nil || report.Skipped != "" {
		return torch.Tensor{}, err
	}
	to := s.opt.move(from, direction, norm).To(x.DType())
	moved := wide(to).Sub(from).NormAll().Item()
	if math.IsNaN(moved) || math.IsInf(moved, 0) {
		report.GradNorm = 0
		report.Skipped = fmt.Sprintf("a step of size %v leads out of the numbers: lower eta", s.opt.Eta)
		return torch.Tensor{}, nil
	}
	report.StepNorm, report.LatentNorm = moved, from.NormAll().Item()
	return to, nil
}

// direct gives what the step goes against, in a wide type, and its norm: the gradient, or a random tensor of the same norm. The
// length of a relative step does not depend on the gradient, so a random one does without it and has norm 1.
func (s *Session) direct(x torch.Tensor, report *Report, maps *Maps) (torch.Tensor, float64, error) {
	random := s.opt.Direction == DirectionRandom
	if random && s.opt.StepRule == StepRelative {
		if err := s.look(x, report, maps); err != nil || report.Skipped != "" {
			return torch.Tensor{}, 0, err
		}
		return randomLike(wide(x.Detach()), s.opt.DirectionSeed, report.Index), 1, nil
	}
	gradient, err := s.gradient(x, report, maps)
	if err != nil || report.Skipped != "" {
		return torch.Tensor{}, 0, err
	}
	norm := gradient.NormAll().Item()
	switch {
	case math.IsNaN(norm) || math.IsInf(norm, 0):
		report.Skipped = "the gradient is not finite (NaN or Inf)"
		return torch.Tensor{}, 0, nil
	case norm == 0:
		report.Skipped = "the gradient is zero"
		return torch.Tensor{}, 0, nil
	}
	report.GradNorm = norm
	if random {
		gradient = randomLike(gradient, s.opt.DirectionSeed, report.Index).MulScalar(norm)
	}
	return gradient, norm, nil
}

// idle tells why a step needs no look at the model, "" if it does.
func (s *Session) idle(r Report) string {
	first, end := s.opt.window(r.Count)
	if r.Index < first || r.Index >= end {
		return fmt.Sprintf("step %d of %d is outside the guided steps %d to %d", r.Index+1, r.Count, first+1, end)
	}
	switch {
	case s.target.Instances() == 1:
		return "one instance of one class leaves nothing to separate"
	case len(s.target.Classes) == 1 && r.LambdaInstance == 0: // L_cls is 0, and it alone has weight
		return fmt.Sprintf("schedule %s gives no weight to any loss at this step", s.opt.Schedule)
	}
	return ""
}

// look measures without gradient.
func (s *Session) look(x torch.Tensor, report *Report, maps *Maps) (err error) {
	torch.NoGrad(func() { _, _, err = s.measure(x.Detach(), report, maps) })
	return err
}

// measure evaluates the model at x and fills in the report, which says where there is no loss, and maps unless it is nil. It
// gives the loss terms, and whether the model is in half precision.
func (s *Session) measure(x torch.Tensor, report *Report, maps *Maps) (m measurement, half bool, err error) {
	r, err := read(s.model.Taps(x, report.Timestep), s.target)
	if err != nil {
		return m, false, err
	}
	if m, err = s.engine.measure(r, maps); err != nil {
		return m, false, err
	}
	report.see(r, m)
	return m, r.half, nil
}

// gradient is ∇L_t at x, in a wide type; undefined where the report says that the step is skipped.
func (s *Session) gradient(x torch.Tensor, report *Report, maps *Maps) (gradient torch.Tensor, err error) {
	torch.WithGrad(func() {
		leaf := x.Detach().Clone().SetRequiresGrad(true)
		var m measurement
		var half bool
		if m, half, err = s.measure(leaf, report, maps); err != nil || report.Skipped != "" {
			return
		}
		loss := total(m, report.LambdaInstance, report.LambdaClass)
		scale := s.opt.LossScale
		if scale == 0 {
			scale = 1
			if half {
				scale = 4096
			}
		}
		gradient = wide(torch.Grad(loss.MulScalar(scale), leaf)[0]).DivScalar(scale)
	})
	return gradient, err
}

// total is L_t (5). A term without weight is left out of the graph.
func total(m measurement, instance, class float64) torch.Tensor {
	var sum torch.Tensor
	add := func(term torch.Tensor, weight float64) {
		if !term.Defined() || weight == 0 {
			return
		}
		term = term.MulScalar(weight)
		if sum.Defined() {
			term = sum.Add(term)
		}
		sum = term
	}
	add(m.instance, instance)
	add(m.class, class)
	return sum
}

// checkLatent says what is wrong with a latent.
func checkLatent(x torch.Tensor) error {
	if !x.Defined() {
		return errors.New("the latent is undefined")
	}
	shape := x.Shape()
	switch {
	case len(shape) != 4 || shape[0] != 1:
		return fmt.Errorf("the latent has shape %v, it must be [1, channels, height, width]: guide each image on its own", shape)
	case !x.DType().Floating():
		return fmt.Errorf("the latent is %s, it must be of a floating type", x.DType())
	case !x.AllFinite():
		return errors.New("the latent holds values that are not finite (NaN or Inf): the sampler or the model went wrong before guidance")
	}
	return nil
}

// scoped runs fn, frees every tensor that it made but its result, which may be undefined, and makes errors of the panics of operations.
func scoped(fn func() (torch.Tensor, error)) (out torch.Tensor, err error) {
	err = torch.Try(func() (err error) {
		kept := torch.WithScope(func() []torch.Tensor {
			var t torch.Tensor
			if t, err = fn(); err != nil || !t.Defined() {
				return nil
			}
			return []torch.Tensor{t}
		})
		if len(kept) > 0 {
			out = kept[0]
		}
		return err
	})
	return out, err
}
