package sampling

import (
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// dpm2 is DPM-Solver-2 (Lu et al., arXiv:2206.00927, Algorithm 1) in k-diffusion's form: the slope at the geometric mean of both noise
// levels, for the whole step. Two evaluations a step, one in a step to σ = 0.
var dpm2 = solver{name: "dpm_2", formula: func(s *step) (torch.Tensor, error) { return s.midpoint(s.next) }}

// dpm2Ancestral is dpm2 to below the next noise level, and fresh noise back up to it.
var dpm2Ancestral = solver{name: "dpm_2_ancestral", noise: true, formula: func(s *step) (torch.Tensor, error) {
	down, up := ancestral(s.sigma, s.next)
	x, err := s.midpoint(down)
	if err != nil {
		return x, err
	}
	return s.renoise(x, 1, up), nil
}}

// dpm2AncestralFlow is dpm2Ancestral with the noise of rectified flow: see EulerAncestralFlow.
var dpm2AncestralFlow = solver{name: "dpm_2_ancestral", noise: true, formula: func(s *step) (torch.Tensor, error) {
	down, scale, up := ancestralFlow(s.sigma, s.next)
	x, err := s.midpoint(down)
	if err != nil {
		return x, err
	}
	return s.renoise(x, scale, up), nil
}}

// midpoint steps to a noise level along the slope at the geometric mean of it and this one's.
func (s *step) midpoint(to float64) (torch.Tensor, error) {
	if to == 0 {
		return s.straight(0), nil
	}
	middle := math.Sqrt(s.sigma * to)
	d, err := s.slopeAt(s.straight(middle), middle)
	if err != nil {
		return torch.Tensor{}, err
	}
	return s.x.Add(d.MulScalar(to - s.sigma)), nil
}
