package sampling

import (
	"fmt"
	"math"

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
	// Noise gives fresh unit noise of the shape, type and device of `like`, for samplers that add some after each step.
	Noise func(i int, sigma float64, like torch.Tensor) torch.Tensor
	// Brownian gives unit noise like Noise, but that of one path W for the whole run: (W(from) − W(to))/√(from − to), up to its sign.
	// Noises of intervals that overlap belong together. For samplers that follow a stochastic differential equation. See Path.
	Brownian func(i int, from, to float64, like torch.Tensor) torch.Tensor
	// Both gives, in the place of the Denoiser, D and what the model makes of x with the negative conditioning alone, for the samplers
	// that NeedsNegative names.
	Both func(x torch.Tensor, sigma float64) (denoised, negative torch.Tensor, err error)
}

// Sampler takes x from sigmas[0] to the last of sigmas, which must fall and be finite; from Schedule they end in 0. Each step has a scope
// of its own, so that memory does not grow with their number. x stays the caller's and is not changed; the result belongs to the
// caller's scope.
type Sampler func(model Denoiser, x torch.Tensor, sigmas []float64, h Hooks) (torch.Tensor, error)

func checkSigmas(sigmas []float64) error {
	for i, s := range sigmas {
		if !(s >= 0) || math.IsInf(s, 0) || i > 0 && s >= sigmas[i-1] {
			return fmt.Errorf("noise levels %v have to be finite, not negative, and fall", sigmas)
		}
	}
	return nil
}

// toward goes from x towards D: ratio·x + (1−ratio)·D, which is a straight step from σ to ratio·σ.
func toward(x, denoised torch.Tensor, ratio float64) torch.Tensor {
	return x.MulScalar(ratio).Add(denoised.MulScalar(1 - ratio))
}

// slope is dx/dσ = (x − D)/σ, the direction of the probability flow (Karras et al., arXiv:2206.00364, equation 3 with s = 1, σ(t) = t).
func slope(x, denoised torch.Tensor, sigma float64) torch.Tensor {
	return x.Sub(denoised).DivScalar(sigma)
}
