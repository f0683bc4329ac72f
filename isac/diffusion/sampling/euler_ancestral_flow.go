package sampling

import (
	"errors"
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// EulerAncestralFlow is EulerAncestral for rectified flow, as ComfyUI does it: an Euler step to below the next noise level, and fresh
// noise back up to it, with the latent's share of x scaled so that x stays (1−σ)·latent + σ·noise with noise of unit variance. One
// evaluation a step. Hooks.Noise must be there.
func EulerAncestralFlow(model Denoiser, x torch.Tensor, sigmas []float64, h Hooks) (torch.Tensor, error) {
	if h.Noise == nil {
		return torch.Tensor{}, errors.New("euler_ancestral needs noise: set Hooks.Noise")
	}
	return iterate(model, x, sigmas, h, func(s step) (torch.Tensor, error) {
		if s.next == 0 {
			return s.denoised, nil
		}
		down, scale, up := ancestralFlow(s.sigma, s.next)
		next := s.x.MulScalar(down / s.sigma).Add(s.denoised.MulScalar(1 - down/s.sigma))
		return next.MulScalar(scale).Add(h.Noise(s.i, s.sigma, next).MulScalar(up)), nil
	})
}

// ancestralFlow gives the noise level to step down to, next²/σ, the factor (1−next)/(1−down) that gives the latent the share which it
// has at next, and how much noise to add: (scale·down)² + up² = next².
func ancestralFlow(sigma, next float64) (down, scale, up float64) {
	down = next * next / sigma
	scale = (1 - next) / (1 - down)
	return down, scale, math.Sqrt(next*next - scale*scale*down*down)
}
