package sampling

import "github.com/isac-guidance/isac/isac/torch"

// Euler follows the probability flow with straight steps: Algorithm 2 of Karras et al. (arXiv:2206.00364) without its second-order
// correction and without added noise. One evaluation a step.
func Euler(model Denoiser, x torch.Tensor, sigmas []float64, h Hooks) (torch.Tensor, error) {
	return euler.sample(model, x, sigmas, h)
}

var euler = solver{name: "euler", formula: func(s *step) (torch.Tensor, error) { return s.straight(s.next), nil }}

// straight is the Euler step from here to a noise level.
func (s *step) straight(to float64) torch.Tensor {
	return s.x.Add(s.slope().MulScalar(to - s.sigma))
}
