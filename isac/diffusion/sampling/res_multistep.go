package sampling

import (
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// resMultistep is the refined exponential solver of second order with a step of memory (Zhang et al., arXiv:2308.02157), ancestral or not.
// With negative, its slopes are those of the negative conditioning (CFG++, arXiv:2406.08070). One evaluation a step.
func resMultistep(name string, withNoise, negative bool) solver {
	split := func(_, next float64) (down, up float64) { return next, 0 }
	if withNoise {
		split = ancestral
	}
	return solver{name: name, past: 1, noise: withNoise, negative: negative, formula: func(s *step) (torch.Tensor, error) {
		down, up := split(s.sigma, s.next)
		d := s.denoised
		if negative {
			d = s.negative
		}
		var x torch.Tensor
		if down == 0 || len(s.past) == 0 {
			x = s.denoised.Add(slope(s.x, d, s.sigma).MulScalar(down))
		} else {
			before := s.past[0]
			old := before.denoised
			if negative {
				old = before.negative
			}
			was, _ := split(before.sigma, s.sigma) // what the step before went down to
			h := math.Log(s.sigma / down)
			c2 := math.Log(was/before.sigma) / h
			phi1 := -math.Expm1(-h) / h
			phi2 := (1 - phi1) / h
			b1, b2 := phi1-phi2/c2, phi2/c2
			x = s.x
			if negative {
				x = x.Add(s.denoised.Sub(s.negative))
			}
			x = x.MulScalar(math.Exp(-h)).Add(d.MulScalar(h * b1)).Add(old.MulScalar(h * b2))
		}
		if !withNoise {
			return x, nil
		}
		return s.renoise(x, 1, up), nil
	}}
}
