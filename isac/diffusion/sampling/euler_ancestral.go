package sampling

import (
	"errors"
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// EulerAncestral goes below the next noise level with an Euler step and comes back up with fresh noise, so that the variances along the
// way are those of ancestral sampling (Ho et al., arXiv:2006.11239, with the posterior variance; in this form by Crowson). One evaluation a
// step. Hooks.Noise must be there.
func EulerAncestral(model Denoiser, x torch.Tensor, sigmas []float64, h Hooks) (torch.Tensor, error) {
	if h.Noise == nil {
		return torch.Tensor{}, errors.New("euler_ancestral needs noise: set Hooks.Noise")
	}
	return iterate(model, x, sigmas, h, func(s step) (torch.Tensor, error) {
		down, up := ancestral(s.sigma, s.next)
		next := s.x.Add(slope(s.x, s.denoised, s.sigma).MulScalar(down - s.sigma))
		if s.next > 0 {
			next = next.Add(h.Noise(s.i, s.sigma, next).MulScalar(up))
		}
		return next, nil
	})
}

// ancestral splits the next noise level into what to step down to and what noise to add: down² + up² = next².
func ancestral(sigma, next float64) (down, up float64) {
	up = min(next, next*math.Sqrt((sigma*sigma-next*next)/(sigma*sigma)))
	return math.Sqrt(next*next - up*up), up
}
