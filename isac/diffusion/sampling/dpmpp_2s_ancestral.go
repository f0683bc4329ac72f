package sampling

import (
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// dpmpp2sAncestral is DPM-Solver++(2S) of Lu et al. (arXiv:2211.01095, Algorithm 1) to below the next noise level, and fresh noise back up
// to it. Two evaluations a step, one in a step to σ = 0.
var dpmpp2sAncestral = solver{name: "dpmpp_2s_ancestral", noise: true, formula: func(s *step) (torch.Tensor, error) {
	down, up := ancestral(s.sigma, s.next)
	x, err := s.singlestep(math.Sqrt(s.sigma*down), down)
	if err != nil {
		return x, err
	}
	return s.renoise(x, 1, up), nil
}}

// dpmpp2sAncestralFlow is dpmpp2sAncestral for rectified flow, with the middle where the log of (1−σ)/σ has its middle. From noise alone
// that is nowhere: ComfyUI then looks at σ = 0.9999.
var dpmpp2sAncestralFlow = solver{name: "dpmpp_2s_ancestral", noise: true, formula: func(s *step) (torch.Tensor, error) {
	down, scale, up := ancestralFlow(s.sigma, s.next)
	middle := 0.9999
	if s.sigma < 1 {
		ratio := math.Sqrt(s.sigma / (1 - s.sigma) * down / (1 - down))
		middle = ratio / (1 + ratio)
	}
	x, err := s.singlestep(middle, down)
	if err != nil {
		return x, err
	}
	return s.renoise(x, scale, up), nil
}}

// singlestep goes to a noise level towards the D that the model has in the middle.
func (s *step) singlestep(middle, to float64) (torch.Tensor, error) {
	if to == 0 {
		return s.straight(0), nil
	}
	denoised, err := s.model(toward(s.x, s.denoised, middle/s.sigma), middle)
	if err != nil {
		return torch.Tensor{}, err
	}
	return toward(s.x, denoised, to/s.sigma), nil
}
