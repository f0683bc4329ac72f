package sampling

import (
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// eulerAncestral goes below the next noise level with an Euler step and comes back up with fresh noise, so that the variances along the
// way are those of ancestral sampling (Ho et al., arXiv:2006.11239, with the posterior variance; in this form by Crowson). One evaluation a
// step. Hooks.Noise must be there.
var eulerAncestral = solver{name: "euler_ancestral", noise: true, formula: func(s *step) (torch.Tensor, error) {
	down, up := ancestral(s.sigma, s.next)
	return s.renoise(s.straight(down), 1, up), nil
}}

// renoise brings what went below the next noise level back up to it: scale·x + up·noise. At the end there is nothing to bring back.
func (s *step) renoise(x torch.Tensor, scale, up float64) torch.Tensor {
	if s.next == 0 {
		return x
	}
	if scale != 1 {
		x = x.MulScalar(scale)
	}
	return x.Add(s.noise(x).MulScalar(up))
}

// ancestral splits the next noise level into what to step down to and what noise to add: down² + up² = next².
func ancestral(sigma, next float64) (down, up float64) {
	up = min(next, next*math.Sqrt((sigma*sigma-next*next)/(sigma*sigma)))
	return math.Sqrt(next*next - up*up), up
}
