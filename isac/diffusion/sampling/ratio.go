package sampling

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/torch"
)

// startShare is where a run from noise alone starts in the place of σ = 1, as a share of the way: at σ = 1 the ratio of noise to latent is
// not finite.
const startShare = 1e-4

// inRatio makes a sampler for x = latent + k·noise one for rectified flow, x = (1−σ)·latent + σ·noise: x/(1−σ) is the former at the ratio
// of noise to latent k = σ/(1−σ). That is how ComfyUI's samplers that step in the logarithm of this ratio treat flow. The hooks see the
// flow's x and σ.
func inRatio(name string, v Sampler, f *Flow) Sampler {
	return func(model Denoiser, x torch.Tensor, sigmas []float64, h Hooks) (torch.Tensor, error) {
		if err := checkSigmas(sigmas); err != nil {
			return torch.Tensor{}, err
		}
		if len(sigmas) < 2 {
			return x.Clone(), nil
		}
		r := ratios{sigma: map[float64]float64{}}
		start := float64(float32(sigmaAtShare(f, startShare)))
		ks := make([]float64, len(sigmas))
		for i, sigma := range sigmas {
			if i == 0 && sigma >= 1 {
				sigma = start
			}
			ks[i] = r.of(sigma)
		}
		if ks[0] <= ks[1] {
			return torch.Tensor{}, fmt.Errorf("%s starts at σ = %g in the place of 1, and the next noise level is %g: take fewer steps", name, start, sigmas[1])
		}
		var end torch.Tensor
		var err error
		out := torch.WithScope(func() []torch.Tensor {
			if end, err = v(r.denoiser(model), r.scaled(x, ks[0]), ks, r.hooks(h)); err != nil {
				return nil
			}
			return []torch.Tensor{r.flow(end, ks[len(ks)-1]).Clone()}
		})
		if err != nil {
			return torch.Tensor{}, err
		}
		return out[0], nil
	}
}

// ratios goes between σ and k. It remembers the run's own levels, so that they come back with the same bits.
type ratios struct{ sigma map[float64]float64 }

func (r ratios) of(sigma float64) float64 {
	k := sigma / (1 - sigma)
	r.sigma[k] = sigma
	return k
}

func (r ratios) level(k float64) float64 {
	if sigma, ok := r.sigma[k]; ok {
		return sigma
	}
	return k / (1 + k)
}

// scaled and flow turn the flow's x at the level of k into what the sampler works on, and back.
func (r ratios) scaled(x torch.Tensor, k float64) torch.Tensor { return x.DivScalar(1 - r.level(k)) }
func (r ratios) flow(y torch.Tensor, k float64) torch.Tensor   { return y.MulScalar(1 - r.level(k)) }

func (r ratios) denoiser(model Denoiser) Denoiser {
	return func(y torch.Tensor, k float64) (torch.Tensor, error) { return model(r.flow(y, k), r.level(k)) }
}

func (r ratios) hooks(h Hooks) Hooks {
	out := h
	if h.BeforeStep != nil {
		out.BeforeStep = func(i int, k float64, y torch.Tensor) (torch.Tensor, error) {
			x := r.flow(y, k)
			guided, err := h.BeforeStep(i, r.level(k), x)
			if err != nil || guided == x { // x itself: nothing was moved, and no bits are to change
				return y, err
			}
			return r.scaled(guided, k), nil
		}
	}
	if h.AfterStep != nil {
		out.AfterStep = func(i int, k float64, y, denoised torch.Tensor) error {
			return h.AfterStep(i, r.level(k), r.flow(y, k), denoised)
		}
	}
	if h.Noise != nil {
		out.Noise = func(i int, k float64, like torch.Tensor) torch.Tensor { return h.Noise(i, r.level(k), like) }
	}
	if h.Brownian != nil {
		out.Brownian = func(i int, from, to float64, like torch.Tensor) torch.Tensor {
			return h.Brownian(i, r.level(from), r.level(to), like)
		}
	}
	return out
}
