package sampling

import (
	"fmt"
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// flowTimesteps is how many noise levels a flow model's table has.
const flowTimesteps = 1000

// Flow is the noise of models that predict the velocity of a rectified flow (ComfyUI's ModelSamplingDiscreteFlow and CONST):
// x = (1−σ)·latent + σ·noise, σ from 0 to 1, which is also what the network takes in. Values are rounded to float32, as ComfyUI keeps
// them.
type Flow struct {
	// Shift moves noise levels upwards for larger images: σ = shift·t/(1+(shift−1)·t), t in (0, 1]. 1 moves nothing; Stable Diffusion 3
	// has 3.
	Shift float64

	sigmas []float64 // of timesteps 1, 2, …, 1000, rising
}

var _ Noise = (*Flow)(nil)

// NewFlow computes the table of a shift, which has to be above 0.
func NewFlow(shift float64) (*Flow, error) {
	if !(shift > 0) || math.IsInf(shift, 0) {
		return nil, fmt.Errorf("flow: shift %g, expected a number above 0, such as 3", shift)
	}
	f := &Flow{Shift: shift, sigmas: make([]float64, flowTimesteps)}
	for i := range f.sigmas {
		f.sigmas[i] = f.SigmaAt(float64(float32(i+1) / flowTimesteps * flowTimesteps))
	}
	return f, nil
}

// Sigmas are the noise levels of timesteps 1, 2, …, 1000, rising. The slice is not to be changed.
func (f *Flow) Sigmas() []float64 { return f.sigmas }

// SigmaMin is the noise level of timestep 1.
func (f *Flow) SigmaMin() float64 { return f.sigmas[0] }

// SigmaMax is the noise level of the last timestep: 1, which is noise alone.
func (f *Flow) SigmaMax() float64 { return f.sigmas[len(f.sigmas)-1] }

// Timestep is what the network is told for σ, 1000·σ. It is not the inverse of SigmaAt, which shifts.
func (f *Flow) Timestep(sigma float64) float64 { return float64(float32(sigma) * flowTimesteps) }

// SigmaAt is the noise level of a timestep in 0..1000, which may lie between two, before the shift.
func (f *Flow) SigmaAt(t float64) float64 {
	// Step by step in float32, as ComfyUI's tensors: a fused operation would round once where they round twice.
	part := float32(t) / flowTimesteps
	above := float32(float32(f.Shift) * part)
	below := float32(float32(f.Shift-1)*part) + 1
	return float64(above / below)
}

// Input gives what the network takes in for x at σ: x itself.
func (f *Flow) Input(x torch.Tensor, _ float64) torch.Tensor { return x }

// Output is the inverse of Input: x itself.
func (f *Flow) Output(x torch.Tensor, _ float64) torch.Tensor { return x }

// Denoised gives D from x and the velocity that the network put out for it, all [B,C,H,W]: x − σ·v.
func (f *Flow) Denoised(x, output torch.Tensor, sigma float64) torch.Tensor {
	return x.Sub(output.MulScalar(sigma))
}

// Noised is where sampling starts: σ·noise + (1−σ)·latent. latent may be undefined, which stands for zeros. Shapes [B,C,H,W].
func (f *Flow) Noised(latent, noise torch.Tensor, sigma float64) torch.Tensor {
	x := noise.MulScalar(sigma)
	if latent.Defined() {
		x = x.Add(latent.MulScalar(1 - sigma))
	}
	return x
}
