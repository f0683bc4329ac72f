package sampling

import "github.com/isac-guidance/isac/isac/torch"

// DDIM is the deterministic sampler of Song et al. (arXiv:2010.02502, equation 12 with σ_t = 0). Written in x = X/√ᾱ, its step
// x' = D + σ'·ε with ε = (x − D)/σ is Euler's, x' = x + (σ' − σ)·(x − D)/σ; so it is Euler here, as it is in ComfyUI. With the schedule
// ddim_uniform it visits the timesteps of the original DDIM, and goes to σ = 0 at the end where that stopped at timestep 0 or 1.
func DDIM(model Denoiser, x torch.Tensor, sigmas []float64, h Hooks) (torch.Tensor, error) {
	return Euler(model, x, sigmas, h)
}
