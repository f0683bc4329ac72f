package sampling

import "github.com/isac-guidance/isac/isac/torch"

// lcm is the sampler of consistency models (Song et al., arXiv:2303.01469, Algorithm 1; latent ones in arXiv:2310.04378): each step
// believes the model altogether, and noises what it believes anew. One evaluation a step.
func lcm(n Noise) solver {
	return solver{name: "lcm", noise: true, formula: func(s *step) (torch.Tensor, error) {
		if s.next == 0 {
			return s.denoised, nil
		}
		return n.Noised(s.denoised, s.noise(s.denoised), s.next), nil
	}}
}
