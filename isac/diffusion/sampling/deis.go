package sampling

import (
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// deis is the exponential integrator of Zhang and Chen with polynomials in time (arXiv:2204.13902, tAB-DEIS) of up to third order. Its time
// is that of a diffusion with linear β whose noise goes from σ = 0.002 to 80, as in ComfyUI. One evaluation a step.
var deis = solver{name: "deis", past: 2, formula: func(s *step) (torch.Tensor, error) {
	if s.next == 0 || len(s.past) == 0 {
		return s.straight(s.next), nil
	}
	clock := newDEISTime()
	at := s.levels()
	for i := range at {
		at[i] = clock.at(at[i])
	}
	return s.multistep(clock.weights(at, clock.at(s.next))), nil
}}

// deisTime is the time t in which β grows linearly: log ᾱ = −(spread·t²/2 + low·t).
type deisTime struct{ low, spread float64 }

// newDEISTime puts σ = 80 at t = 1 and σ = 0.002 at t = 0.001. ComfyUI computes 1 + 0.002² in float32, which is off by a hundredth of the
// small part.
func newDEISTime() deisTime {
	const first = 1e-3
	log := func(sigma float32) float64 { return float64(float32(math.Log(float64(1 + sigma*sigma)))) }
	low, high := log(0.002), log(80)
	spread := 2 * (low/first - high) / (first - 1)
	return deisTime{low: high - spread/2, spread: spread}
}

// at is the time of a noise level.
func (d deisTime) at(sigma float64) float64 {
	return (math.Sqrt(d.low*d.low+2*d.spread*math.Log(1+sigma*sigma)) - d.low) / d.spread
}

// weights are the integrals ∫ dσ/dt·(polynomial of a step) from at[0] to end. The sum is ComfyUI's, with its 10 000 points: the integral
// itself differs by a ten-thousandth.
func (d deisTime) weights(at []float64, end float64) []float64 {
	const points = 10000
	weights := make([]float64, len(at))
	for i := range points {
		t := at[0] + (end-at[0])*float64(i)/(points-1)
		alpha := math.Exp(-d.spread*t*t/2 - d.low*t)
		growth := (d.spread*t + d.low) / 2 / math.Sqrt(alpha*(1-alpha))
		for j := range weights {
			weights[j] += growth * lagrange(at, j, t)
		}
	}
	for j := range weights {
		weights[j] *= (end - at[0]) / points
	}
	return weights
}
