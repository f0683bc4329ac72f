package sampling

import "github.com/isac-guidance/isac/isac/torch"

// heun is the second-order solver of Karras et al. (arXiv:2206.00364, Algorithm 1): an Euler step to a predictor, and then a step along the
// mean of the slopes at both ends. Two evaluations a step, one in a step to σ = 0. The hooks see the states, never the predictor.
var heun = solver{name: "heun", formula: func(s *step) (torch.Tensor, error) {
	predictor := s.straight(s.next)
	if s.next == 0 {
		return predictor, nil
	}
	end, err := s.slopeAt(predictor, s.next)
	if err != nil {
		return torch.Tensor{}, err
	}
	mean := s.slope().Add(end).MulScalar(0.5)
	return s.x.Add(mean.MulScalar(s.next - s.sigma)), nil
}}

// slopeAt evaluates the model once more, and gives dx/dσ there.
func (s *step) slopeAt(x torch.Tensor, sigma float64) (torch.Tensor, error) {
	denoised, err := s.model(x, sigma)
	if err != nil {
		return torch.Tensor{}, err
	}
	return slope(x, denoised, sigma), nil
}
