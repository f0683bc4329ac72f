package sampling

import (
	"fmt"
	"math"
	"sort"

	"github.com/isac-guidance/isac/isac/torch"
)

// Discrete is the Noise of models that predict noise or velocity: a σ for each timestep that they were trained on (ComfyUI's
// ModelSamplingDiscrete), x = X_t·√(1+σ²). Values are rounded to float32, as ComfyUI keeps them.
type Discrete struct {
	// Prediction is what the network puts out.
	Prediction Prediction

	sigmas, logs []float64 // of timesteps 0, 1, …, rising
}

// Betas says how a model's noise schedule was made, in diffusers' words.
type Betas struct {
	// Schedule is "scaled_linear" (β evenly spaced in √β; all Stable Diffusion) or "linear".
	Schedule string
	// Start and End are the first and last β.
	Start, End float64
	// Timesteps is their number.
	Timesteps int
	// ZeroSNR rescales the schedule so that the last timestep is all noise (Lin et al., arXiv:2305.08891).
	ZeroSNR bool
}

// StableDiffusion1 is the schedule of all Stable Diffusion 1, 2 and XL models.
func StableDiffusion1() Betas {
	return Betas{Schedule: "scaled_linear", Start: 0.00085, End: 0.012, Timesteps: 1000}
}

// almostNoise is ᾱ of the last timestep with ZeroSNR: not 0, so that σ stays finite. ComfyUI uses the same number (σ_max ≈ 4518.7).
const almostNoise = 4.8973451890853435e-08

// NewDiscrete computes σ_t = √((1−ᾱ_t)/ᾱ_t), ᾱ_t = Π_{s≤t} (1−β_s).
func NewDiscrete(b Betas, p Prediction) (*Discrete, error) {
	if b.Timesteps < 2 || !(0 < b.Start && b.Start <= b.End && b.End < 1) {
		return nil, fmt.Errorf("noise schedule: %d timesteps with beta from %g to %g, expected at least 2 and 0 < start <= end < 1", b.Timesteps, b.Start, b.End)
	}
	alphas := make([]float64, b.Timesteps)
	product := 1.0
	for i := range alphas {
		f := float64(i) / float64(b.Timesteps-1)
		switch b.Schedule {
		case "scaled_linear":
			root := math.Sqrt(b.Start) + f*(math.Sqrt(b.End)-math.Sqrt(b.Start))
			product *= 1 - root*root
		case "linear":
			product *= 1 - (b.Start + f*(b.End-b.Start))
		default:
			return nil, fmt.Errorf("noise schedule: beta schedule %q, expected scaled_linear or linear", b.Schedule)
		}
		alphas[i] = product
	}
	if b.ZeroSNR {
		rescale(alphas)
	}
	d := &Discrete{Prediction: p, sigmas: make([]float64, len(alphas)), logs: make([]float64, len(alphas))}
	for i, a := range alphas {
		sigma := math.Sqrt((1 - a) / a)
		d.sigmas[i], d.logs[i] = float64(float32(sigma)), float64(float32(math.Log(sigma)))
	}
	return d, nil
}

// rescale shifts and stretches √ᾱ so that it keeps its first value and ends at (nearly) 0.
func rescale(alphas []float64) {
	first, last := math.Sqrt(alphas[0]), math.Sqrt(alphas[len(alphas)-1])
	for i, a := range alphas {
		root := (math.Sqrt(a) - last) * first / (first - last)
		alphas[i] = root * root
	}
	alphas[len(alphas)-1] = almostNoise
}

// Sigmas are the noise levels of timesteps 0, 1, …, rising.
func (d *Discrete) Sigmas() []float64 { return d.sigmas }

// SigmaMin is the noise level of timestep 0.
func (d *Discrete) SigmaMin() float64 { return d.sigmas[0] }

// SigmaMax is the noise level of the last timestep.
func (d *Discrete) SigmaMax() float64 { return d.sigmas[len(d.sigmas)-1] }

// Timestep is the timestep whose log σ is nearest: what the model is told for σ.
func (d *Discrete) Timestep(sigma float64) float64 {
	want := math.Log(sigma)
	i := sort.SearchFloat64s(d.logs, want)
	if i == len(d.logs) || i > 0 && want-d.logs[i-1] <= d.logs[i]-want {
		i--
	}
	return float64(i)
}

// SigmaAt is the noise level of a timestep, which may lie between two: log σ is interpolated. Outside the schedule it is that of its end.
func (d *Discrete) SigmaAt(t float64) float64 {
	t = min(max(t, 0), float64(len(d.logs)-1))
	low, high, w := int(math.Floor(t)), int(math.Ceil(t)), t-math.Floor(t)
	return float64(float32(math.Exp((1-w)*d.logs[low] + w*d.logs[high])))
}

// Noised is where sampling starts: latent + σ·noise, and √(1+σ²)·noise + latent where σ is the schedule's highest, so that a model that
// has never seen anything but noise there sees unit noise. latent may be undefined, which stands for zeros. Shapes [B,C,H,W].
func (d *Discrete) Noised(latent, noise torch.Tensor, sigma float64) torch.Tensor {
	scale := sigma
	if top := d.SigmaMax(); sigma > top || math.Abs(sigma-top) <= 1e-5*max(sigma, top) {
		scale = math.Sqrt(1 + sigma*sigma)
	}
	x := noise.MulScalar(scale)
	if latent.Defined() {
		x = x.Add(latent)
	}
	return x
}

// Input gives what the network takes in for x: X_t = x/√(1+σ²), the same shape.
func (d *Discrete) Input(x torch.Tensor, sigma float64) torch.Tensor {
	return x.DivScalar(math.Sqrt(1 + sigma*sigma))
}

// Output is the inverse of Input: x = X_t·√(1+σ²).
func (d *Discrete) Output(x torch.Tensor, sigma float64) torch.Tensor {
	return x.MulScalar(math.Sqrt(1 + sigma*sigma))
}

// Denoised gives D from x and the network's output for Input(x, σ): x − σ·ε, or x/(1+σ²) − σ/√(1+σ²)·v.
func (d *Discrete) Denoised(x, output torch.Tensor, sigma float64) torch.Tensor {
	if d.Prediction == V {
		s := 1 + sigma*sigma
		return x.DivScalar(s).Sub(output.MulScalar(sigma / math.Sqrt(s)))
	}
	return x.Sub(output.MulScalar(sigma))
}
