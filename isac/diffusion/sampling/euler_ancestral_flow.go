package sampling

import (
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// EulerAncestralFlow is eulerAncestral for rectified flow, as ComfyUI does it: an Euler step to below the next noise level, and fresh
// noise back up to it, with the latent's share of x scaled so that x stays (1−σ)·latent + σ·noise with noise of unit variance. One
// evaluation a step. Hooks.Noise must be there.
func EulerAncestralFlow(model Denoiser, x torch.Tensor, sigmas []float64, h Hooks) (torch.Tensor, error) {
	return eulerAncestralFlow.sample(model, x, sigmas, h)
}

var eulerAncestralFlow = solver{name: "euler_ancestral", noise: true, formula: func(s *step) (torch.Tensor, error) {
	down, scale, up := ancestralFlow(s.sigma, s.next)
	return s.renoise(toward(s.x, s.denoised, down/s.sigma), scale, up), nil
}}

// ancestralFlow gives the noise level to step down to, next²/σ, the factor (1−next)/(1−down) that gives the latent the share which it
// has at next, and how much noise to add: (scale·down)² + up² = next².
func ancestralFlow(sigma, next float64) (down, scale, up float64) {
	down = next * next / sigma
	scale = (1 - next) / (1 - down)
	return down, scale, math.Sqrt(next*next - scale*scale*down*down)
}
