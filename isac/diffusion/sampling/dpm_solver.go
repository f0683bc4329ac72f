package sampling

import (
	"fmt"
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// The steps of DPM-Solver (Lu et al., arXiv:2206.00927, Algorithms 1 and 2) in λ = −log σ, with r1 = 1/2 for two evaluations and r1 = 1/3,
// r2 = 2/3 for three. The first evaluation is the step's own.

// first is the step of first order: Euler's.
func (s *step) first() torch.Tensor { return s.straight(s.next) }

// second is the step of second order with the second evaluation at the share r of the way in λ. It gives the slope there too.
func (s *step) second(r float64) (x, at torch.Tensor, err error) {
	d, h := s.slope(), math.Log(s.sigma/s.next)
	at, err = s.slopeAt(s.straight(s.part(r)), s.part(r))
	if err != nil {
		return x, at, err
	}
	return s.first().Sub(at.Sub(d).MulScalar(s.next * math.Expm1(h) / (2 * r))), at, nil
}

// third is the step of third order. at is the slope at a third of the way, from second(1/3).
func (s *step) third(at torch.Tensor) (torch.Tensor, error) {
	const r1, r2 = 1. / 3, 2. / 3
	d, h, level := s.slope(), math.Log(s.sigma/s.next), s.part(r2)
	change := at.Sub(d)
	u := s.straight(level).Sub(change.MulScalar(level * r2 / r1 * (math.Expm1(r2*h)/(r2*h) - 1)))
	later, err := s.slopeAt(u, level)
	if err != nil {
		return torch.Tensor{}, err
	}
	return s.first().Sub(later.Sub(d).MulScalar(s.next / r2 * (math.Expm1(h)/h - 1))), nil
}

// part is the noise level after a share of the way in λ.
func (s *step) part(r float64) float64 { return s.sigma * math.Pow(s.next/s.sigma, r) }

// ofOrder is the step of an order from 1 to 3.
func (s *step) ofOrder(order int) (torch.Tensor, error) {
	switch order {
	case 1:
		return s.first(), nil
	case 2:
		x, _, err := s.second(1. / 2)
		return x, err
	}
	_, at, err := s.second(1. / 3)
	if err != nil {
		return torch.Tensor{}, err
	}
	return s.third(at)
}

// stopsAbove are the samplers that stop at the last level above 0.
var stopsAbove = map[string]bool{"dpm_fast": true, "dpm_adaptive": true}

// positive gives the ends of a schedule without a 0 at its end. It fails where they are one, and the sampler would give the noise back.
func positive(sampler string, sigmas []float64) (first, last float64, err error) {
	n := len(sigmas) - 1
	if sigmas[n] == 0 {
		n--
	}
	if n < 1 {
		return 0, 0, fmt.Errorf("sampler %s stops at the last noise level above 0, and the schedule has only one: take at least 2 steps", sampler)
	}
	return sigmas[0], sigmas[n], nil
}
