package sampling

import "github.com/isac-guidance/isac/isac/torch"

// gradientEstimation is the sampler of Permenter and Yuan (arXiv:2306.04848, Algorithm 2) with γ = 2: an Euler step along the slope and
// once more along what it changed by since the last step. With negative, the slope is that of the negative conditioning (CFG++). One
// evaluation a step.
func gradientEstimation(name string, negative bool) solver {
	const gamma = 2
	return solver{name: name, past: 1, negative: negative, formula: func(s *step) (torch.Tensor, error) {
		if s.next == 0 {
			return s.denoised, nil
		}
		direction := func(p past) torch.Tensor {
			if negative {
				return slope(p.x, p.negative, p.sigma)
			}
			return p.slope()
		}
		d := direction(past{s.sigma, s.x, s.denoised, s.negative})
		x := s.straight(s.next)
		if negative {
			x = s.denoised.Add(d.MulScalar(s.next))
		}
		if len(s.past) == 0 {
			return x, nil
		}
		change := d.Sub(direction(s.past[0]))
		return x.Add(change.MulScalar((gamma - 1) * (s.next - s.sigma))), nil
	}}
}
