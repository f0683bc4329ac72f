package sampling

import "github.com/isac-guidance/isac/isac/torch"

// Noise is what σ, t and x mean for a family of models: which noise levels it was trained on, what its network takes in, and
// what it puts out. Samplers step on x; ComfyUI's and other hosts' x are the same. Shapes are [B,C,H,W] throughout.
type Noise interface {
	// Sigmas are the noise levels of the training timesteps, rising. The slice is not to be changed.
	Sigmas() []float64
	// SigmaMin and SigmaMax are the first and the last of them.
	SigmaMin() float64
	SigmaMax() float64
	// Timestep is what the network is told for σ.
	Timestep(sigma float64) float64
	// SigmaAt is the noise level of a timestep, which may lie between two.
	SigmaAt(t float64) float64
	// Input maps x at σ to X_t, what the network takes in; Output is its inverse.
	Input(x torch.Tensor, sigma float64) torch.Tensor
	Output(x torch.Tensor, sigma float64) torch.Tensor
	// Denoised gives D, the network's idea of the clean latent, from x and the network's output for Input(x, σ). It is linear in
	// the output.
	Denoised(x, output torch.Tensor, sigma float64) torch.Tensor
	// Noised is where sampling starts at σ: the latent with noise; latent may be undefined, which stands for zeros.
	Noised(latent, noise torch.Tensor, sigma float64) torch.Tensor
}

var _ Noise = (*Discrete)(nil)
