package sampling

import (
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// erSDE is the solver of third order of the extended reverse-time stochastic equation (Cui et al., arXiv:2309.06169, Algorithm 3) with the
// noise scale φ(σ) = σ·(exp(σ^0.3) + 10). One evaluation a step.
var erSDE = solver{name: "er_sde", past: 2, noise: true, formula: func(s *step) (torch.Tensor, error) {
	if s.next == 0 {
		return s.denoised, nil
	}
	r, length := phi(s.next)/phi(s.sigma), s.next-s.sigma
	x := toward(s.x, s.denoised, r)
	if len(s.past) > 0 {
		area, moment := erIntegrals(s.sigma, s.next)
		first := s.erSlope(0)
		x = x.Add(first.MulScalar(length + area*phi(s.next)))
		if len(s.past) > 1 {
			second := first.Sub(s.erSlope(1)).DivScalar((s.sigma - s.past[1].sigma) / 2)
			x = x.Add(second.MulScalar(length*length/2 + moment*phi(s.next)))
		}
	}
	variance := max(0, s.next*s.next-s.sigma*s.sigma*r*r)
	return s.renoise(x, 1, math.Sqrt(variance)), nil
}}

// phi is the noise scale.
func phi(sigma float64) float64 { return sigma * (math.Exp(math.Pow(sigma, 0.3)) + 10) }

// erIntegrals are ∫dτ/φ(τ) and ∫(τ−σ)dτ/φ(τ) from next to σ, by the paper's 200 rectangles.
func erIntegrals(sigma, next float64) (area, moment float64) {
	const parts = 200
	width := (sigma - next) / parts
	for i := range parts {
		tau := next + float64(i)*width
		area += width / phi(tau)
		moment += width * (tau - sigma) / phi(tau)
	}
	return area, moment
}

// erSlope is dD/dσ over the k-th step before.
func (s *step) erSlope(k int) torch.Tensor {
	now := past{sigma: s.sigma, denoised: s.denoised}
	if k > 0 {
		now = s.past[k-1]
	}
	then := s.past[k]
	return now.denoised.Sub(then.denoised).DivScalar(now.sigma - then.sigma)
}
