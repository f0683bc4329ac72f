package sampling

import "github.com/isac-guidance/isac/isac/torch"

// Heun is the second-order solver of Karras et al. (arXiv:2206.00364, Algorithm 1): an Euler step to a predictor, and then a step along the
// mean of the slopes at both ends. Two evaluations a step, one in a step to σ = 0. The hooks see the states, never the predictor.
func Heun(model Denoiser, x torch.Tensor, sigmas []float64, h Hooks) (torch.Tensor, error) {
	return iterate(model, x, sigmas, h, func(s step) (torch.Tensor, error) {
		d := slope(s.x, s.denoised, s.sigma)
		predictor := s.x.Add(d.MulScalar(s.next - s.sigma))
		if s.next == 0 {
			return predictor, nil
		}
		denoised, err := model(predictor, s.next)
		if err != nil {
			return torch.Tensor{}, err
		}
		mean := d.Add(slope(predictor, denoised, s.next)).MulScalar(0.5)
		return s.x.Add(mean.MulScalar(s.next - s.sigma)), nil
	})
}
