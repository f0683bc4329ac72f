package sampling

import (
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// DPMPP2M is DPM-Solver++(2M), the multistep solver of second order of Lu et al. (arXiv:2211.01095, Algorithm 2). In λ = −log σ the step
// has length h, and D is extrapolated from this and the last step's. One evaluation a step; the first step, and one to σ = 0, are of first
// order.
func DPMPP2M(model Denoiser, x torch.Tensor, sigmas []float64, h Hooks) (torch.Tensor, error) {
	return iterate(model, x, sigmas, h, func(s step) (torch.Tensor, error) {
		d, ratio := s.denoised, s.next/s.sigma // ratio = e^−h, and 1 − ratio = −expm1(−h)
		if s.before.Defined() && s.next > 0 {
			r := math.Log(s.last/s.sigma) / math.Log(s.sigma/s.next) // the last step's length by this one's
			d = d.Add(d.Sub(s.before).MulScalar(1 / (2 * r)))
		}
		return s.x.MulScalar(ratio).Add(d.MulScalar(1 - ratio)), nil
	})
}
