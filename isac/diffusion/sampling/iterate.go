package sampling

import (
	"errors"
	"fmt"
	"slices"

	"github.com/isac-guidance/isac/isac/torch"
)

// step is what a sampler's formula works on: the guided state x at noise level sigma, what the model made of it, and where to go.
type step struct {
	i           int
	sigma, next float64 // noise levels now and after the step
	x, denoised torch.Tensor
	negative    torch.Tensor   // D of the negative conditioning alone, for solvers that ask for it
	move        torch.Tensor   // what guidance added to the state; undefined where it left it alone
	past        []past         // the steps before, the last one first, as many as the solver remembers
	kept        []torch.Tensor // what the formula of the step before put into keep
	keep        []torch.Tensor // what the next step's formula shall have; the formula sets it
	sigmas      []float64      // of the whole run

	model Denoiser
	h     Hooks
}

// past is a step that was taken: its guided state and what the model made of it.
type past struct {
	sigma                 float64
	x, denoised, negative torch.Tensor
}

// slope is dx/dσ at the step's state.
func (s *step) slope() torch.Tensor { return slope(s.x, s.denoised, s.sigma) }

// slope is dx/dσ at the state of a step before.
func (p past) slope() torch.Tensor { return slope(p.x, p.denoised, p.sigma) }

// noise is fresh unit noise.
func (s *step) noise(like torch.Tensor) torch.Tensor { return s.h.Noise(s.i, s.sigma, like) }

// brownian is the unit noise of a Brownian path between two noise levels.
func (s *step) brownian(from, to float64, like torch.Tensor) torch.Tensor {
	return s.h.Brownian(s.i, from, to, like)
}

// solver is a sampler: a formula, and what it asks for.
type solver struct {
	name     string // for errors
	past     int    // how many steps before the formula looks at
	noise    bool   // it needs Hooks.Noise
	brownian bool   // it needs Hooks.Brownian
	negative bool   // it needs Hooks.Both
	formula  func(*step) (torch.Tensor, error)
}

// sample runs the formula over all steps.
func (v solver) sample(model Denoiser, x torch.Tensor, sigmas []float64, h Hooks) (torch.Tensor, error) {
	if err := checkSigmas(sigmas); err != nil {
		return torch.Tensor{}, err
	}
	w, err := v.walk(model, x, sigmas, h)
	if err != nil {
		return torch.Tensor{}, err
	}
	defer w.close() // after an error, and when a tensor operation panics
	for i := range len(sigmas) - 1 {
		if err := w.advance(i, sigmas[i], sigmas[i+1]); err != nil {
			return torch.Tensor{}, err
		}
	}
	return w.leave(), nil
}

// walk is a run while it lasts. Its tensors are its own.
type walk struct {
	solver solver
	model  Denoiser
	h      Hooks
	sigmas []float64
	x      torch.Tensor
	past   []past
	kept   []torch.Tensor
}

func (v solver) walk(model Denoiser, x torch.Tensor, sigmas []float64, h Hooks) (*walk, error) {
	var errs []error
	if v.noise && h.Noise == nil {
		errs = append(errs, fmt.Errorf("%s needs noise: set Hooks.Noise", v.name))
	}
	if v.brownian && h.Brownian == nil {
		errs = append(errs, fmt.Errorf("%s needs the noise of a Brownian path: set Hooks.Brownian", v.name))
	}
	if v.negative && h.Both == nil {
		errs = append(errs, fmt.Errorf("%s needs what the model makes of the negative prompt alone: set Hooks.Both", v.name))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &walk{solver: v, model: model, h: h, sigmas: sigmas, x: x.Clone()}, nil
}

// advance takes one step: guidance, evaluation, formula, report.
func (w *walk) advance(i int, sigma, next float64) error {
	s := &step{i: i, sigma: sigma, next: next, past: w.past, kept: w.kept, sigmas: w.sigmas, model: w.model, h: w.h}
	var err error
	out := torch.WithScope(func() []torch.Tensor {
		var after torch.Tensor
		if after, err = s.run(w.x, w.solver); err != nil {
			return nil
		}
		// Clones, because formula and model may give tensors that are not this scope's own.
		out := []torch.Tensor{after.Clone()}
		if w.solver.past > 0 {
			out = append(out, s.x.Clone(), s.denoised.Clone())
			if w.solver.negative {
				out = append(out, s.negative.Clone())
			}
		}
		for _, t := range s.keep {
			out = append(out, t.Clone())
		}
		return out
	})
	if err != nil {
		return fmt.Errorf("step %d: %w", i+1, err)
	}
	closeAll([]torch.Tensor{w.x})
	closeAll(w.kept)
	w.x, out = out[0], out[1:]
	if w.solver.past > 0 {
		w.remember(past{sigma: sigma}, &out)
	}
	w.kept = out
	return nil
}

// remember puts a step before those that were, and forgets what is too old. Its tensors are the first of out.
func (w *walk) remember(p past, out *[]torch.Tensor) {
	ts := *out
	p.x, p.denoised, ts = ts[0], ts[1], ts[2:]
	if w.solver.negative {
		p.negative, ts = ts[0], ts[1:]
	}
	*out = ts
	w.past = slices.Insert(w.past, 0, p)
	for len(w.past) > w.solver.past {
		last := len(w.past) - 1
		w.past[last].close()
		w.past = w.past[:last]
	}
}

// leave gives the state, which then is the caller's.
func (w *walk) leave() torch.Tensor {
	x := w.x
	w.x = torch.Tensor{}
	return x
}

func (w *walk) close() {
	closeAll(append([]torch.Tensor{w.x}, w.kept...))
	for _, p := range w.past {
		p.close()
	}
}

func (p past) close() { closeAll([]torch.Tensor{p.x, p.denoised, p.negative}) }

func closeAll(ts []torch.Tensor) {
	for _, t := range ts {
		if t.Defined() {
			t.Close()
		}
	}
}

// run does one step from x.
func (s *step) run(x torch.Tensor, v solver) (torch.Tensor, error) {
	var err error
	s.x = x
	if s.h.BeforeStep != nil {
		if s.x, err = s.h.BeforeStep(s.i, s.sigma, x); err != nil {
			return torch.Tensor{}, fmt.Errorf("guidance: %w", err)
		}
		if s.x != x {
			s.move = s.x.Sub(x)
		}
	}
	if v.negative {
		s.denoised, s.negative, err = s.h.Both(s.x, s.sigma)
	} else {
		s.denoised, err = s.model(s.x, s.sigma)
	}
	if err != nil {
		return torch.Tensor{}, err
	}
	next, err := v.formula(s)
	if err != nil {
		return torch.Tensor{}, err
	}
	if s.h.AfterStep != nil {
		if err := s.h.AfterStep(s.i, s.sigma, s.x, s.denoised); err != nil {
			return torch.Tensor{}, err
		}
	}
	return next, nil
}
