package sampling

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/torch"
)

// Denoiser gives D, the model's idea of the clean latent, for x at noise level σ. x and D are [B,C,H,W] in the variance-exploding
// parametrisation. Its tensors belong to the step's scope. An error ends sampling at once.
type Denoiser func(x torch.Tensor, sigma float64) (torch.Tensor, error)

// Hooks are called as sampling goes on; each may be nil. i counts steps from 0, sigma is the step's noise level.
type Hooks struct {
	// BeforeStep may replace the state at the start of a step, before the model sees it: guidance. What it gives, x itself or a new
	// tensor of the same shape, is the step's state from then on.
	BeforeStep func(i int, sigma float64, x torch.Tensor) (torch.Tensor, error)
	// AfterStep is told, at the end of each step, the state that was evaluated and what the model made of it, for progress and previews.
	AfterStep func(i int, sigma float64, x, denoised torch.Tensor) error
	// Noise gives unit noise of the shape, type and device of `like`, for samplers that add some after each step.
	Noise func(i int, sigma float64, like torch.Tensor) torch.Tensor
}

// Sampler takes x from sigmas[0] to the last of sigmas, which must fall and be finite; from Schedule they end in 0. Each step has a scope
// of its own, so that memory does not grow with their number. x stays the caller's and is not changed; the result belongs to the
// caller's scope.
type Sampler func(model Denoiser, x torch.Tensor, sigmas []float64, h Hooks) (torch.Tensor, error)

var samplers = map[string]Sampler{
	"euler": Euler, "euler_ancestral": EulerAncestral, "ddim": DDIM, "dpmpp_2m": DPMPP2M, "heun": Heun,
}

// flowSamplers are those whose formula is another one where noise mixes with the latent instead of being added to it.
var flowSamplers = map[string]Sampler{"euler_ancestral": EulerAncestralFlow}

// Names lists the samplers, sorted.
func Names() []string {
	var names []string
	for name := range samplers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Named finds a sampler by ComfyUI's name for it, in the form that it has for a noise.
func Named(name string, n Noise) (Sampler, error) {
	if _, flow := n.(*Flow); flow {
		if s, ok := flowSamplers[name]; ok {
			return s, nil
		}
	}
	if s, ok := samplers[name]; ok {
		return s, nil
	}
	return nil, fmt.Errorf("sampler %q, expected one of %s", name, strings.Join(Names(), ", "))
}

// step is what a sampler's formula works on: the guided state x at noise level sigma, what the model made of it, and where to go.
type step struct {
	i           int
	sigma, next float64 // noise levels now and after the step
	last        float64 // noise level of the step before, 0 in the first
	x, denoised torch.Tensor
	before      torch.Tensor // the denoised of the step before, undefined in the first
}

// iterate runs a formula over all steps: guidance, evaluation, formula, report.
func iterate(model Denoiser, x torch.Tensor, sigmas []float64, h Hooks, formula func(step) (torch.Tensor, error)) (torch.Tensor, error) {
	if err := checkSigmas(sigmas); err != nil {
		return torch.Tensor{}, err
	}
	state := []torch.Tensor{x.Clone()}
	done := false
	defer func() { // after an error, and when a tensor operation panics
		if !done {
			closeAll(state)
		}
	}()
	for i := range len(sigmas) - 1 {
		s := step{i: i, sigma: sigmas[i], next: sigmas[i+1]}
		if i > 0 {
			s.last, s.before = sigmas[i-1], state[1]
		}
		var err error
		next := torch.WithScope(func() []torch.Tensor {
			var after torch.Tensor
			if after, err = s.run(model, state[0], h, formula); err != nil {
				return nil
			}
			// Clones, because formula and model may give tensors that are not this scope's own.
			return []torch.Tensor{after.Clone(), s.denoised.Clone()}
		})
		if err != nil {
			return torch.Tensor{}, err
		}
		closeAll(state)
		state = next
	}
	done = true
	closeAll(state[1:])
	return state[0], nil
}

// run does one step.
func (s *step) run(model Denoiser, x torch.Tensor, h Hooks, formula func(step) (torch.Tensor, error)) (torch.Tensor, error) {
	var err error
	s.x = x
	if h.BeforeStep != nil {
		if s.x, err = h.BeforeStep(s.i, s.sigma, x); err != nil {
			return torch.Tensor{}, fmt.Errorf("step %d: guidance: %w", s.i+1, err)
		}
	}
	if s.denoised, err = model(s.x, s.sigma); err != nil {
		return torch.Tensor{}, fmt.Errorf("step %d: %w", s.i+1, err)
	}
	next, err := formula(*s)
	if err != nil {
		return torch.Tensor{}, fmt.Errorf("step %d: %w", s.i+1, err)
	}
	if h.AfterStep != nil {
		if err := h.AfterStep(s.i, s.sigma, s.x, s.denoised); err != nil {
			return torch.Tensor{}, fmt.Errorf("step %d: %w", s.i+1, err)
		}
	}
	return next, nil
}

func checkSigmas(sigmas []float64) error {
	for i, s := range sigmas {
		if !(s >= 0) || math.IsInf(s, 0) || i > 0 && s >= sigmas[i-1] {
			return fmt.Errorf("noise levels %v have to be finite, not negative, and fall", sigmas)
		}
	}
	return nil
}

func closeAll(ts []torch.Tensor) {
	for _, t := range ts {
		t.Close()
	}
}

// slope is dx/dσ = (x − D)/σ, the direction of the probability flow (Karras et al., arXiv:2206.00364, equation 3 with s = 1, σ(t) = t).
func slope(x, denoised torch.Tensor, sigma float64) torch.Tensor {
	return x.Sub(denoised).DivScalar(sigma)
}
