package sampling

import (
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// dpmpp2m is DPM-Solver++(2M), the multistep solver of second order of Lu et al. (arXiv:2211.01095, Algorithm 2). In λ = −log σ the step
// has length h, and D is extrapolated from this and the last step's. One evaluation a step; the first step, and one to σ = 0, are of first
// order.
var dpmpp2m = solver{name: "dpmpp_2m", past: 1, formula: func(s *step) (torch.Tensor, error) {
	d := s.denoised
	if len(s.past) > 0 && s.next > 0 {
		r := math.Log(s.past[0].sigma/s.sigma) / math.Log(s.sigma/s.next) // the last step's length by this one's
		d = d.Add(d.Sub(s.past[0].denoised).MulScalar(1 / (2 * r)))
	}
	return toward(s.x, d, s.next/s.sigma), nil // the ratio is e^−h, and 1 − ratio is −expm1(−h)
}}
