package sampling

import "github.com/isac-guidance/isac/isac/torch"

// Euler follows the probability flow with straight steps: Algorithm 2 of Karras et al. (arXiv:2206.00364) without its second-order
// correction and without added noise. One evaluation a step.
func Euler(model Denoiser, x torch.Tensor, sigmas []float64, h Hooks) (torch.Tensor, error) {
	return iterate(model, x, sigmas, h, func(s step) (torch.Tensor, error) {
		return s.x.Add(slope(s.x, s.denoised, s.sigma).MulScalar(s.next - s.sigma)), nil
	})
}
