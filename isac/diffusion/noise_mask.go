package diffusion

import "github.com/isac-guidance/isac/isac/torch"

// resizeMask brings masks [M,…,H,W] to a latent's size, [M,h,w], bilinearly as ComfyUI does.
func resizeMask(mask torch.Tensor, height, width int64) torch.Tensor {
	s := mask.Shape()
	h, w := s[len(s)-2], s[len(s)-1]
	m := mask.To(torch.Float32).ToDevice(torch.CPU).Reshape(-1, 1, h, w)
	if h != height || w != width {
		m = torch.UpsampleBilinear2d(m, height, width, false)
	}
	return m.Reshape(-1, height, width)
}

// toBatch repeats or cuts x along its first dimension to n.
func toBatch(x torch.Tensor, n int64) torch.Tensor {
	have := x.Size(0)
	if have < n {
		times := make([]int64, x.Dim())
		for i := range times {
			times[i] = 1
		}
		times[0] = (n + have - 1) / have
		x = x.Repeat(times...)
	}
	return x.Narrow(0, 0, n)
}

// inpaint keeps what a mask leaves alone: there the model sees the latent with the noise of the step, and what it makes of it is the latent
// itself. Mask m, latent z and noise n are [B,1 or C,h,w], in the denoiser's scale.
//
//	x' = m·x + (1−m)·noised(z, n, σ),  D' = m·D(x') + (1−m)·z
type inpaint struct {
	mask, keep torch.Tensor // m and 1−m
	latent     torch.Tensor
	noise      torch.Tensor
	of         *Pipeline
}

// newInpaint is nil where the request has no mask.
func (r *run) newInpaint(latent, noise torch.Tensor) *inpaint {
	if !r.request.Mask.Defined() {
		return nil
	}
	shape := r.plan.shape
	m := toBatch(resizeMask(r.request.Mask, shape[2], shape[3]).Unsqueeze(1), int64(r.plan.images()))
	m = toBatch(m, shape[0]).ToDevice(r.p.device)
	if !latent.Defined() {
		latent = noise.ZerosLike()
	}
	return &inpaint{mask: m, keep: m.Neg().AddScalar(1), latent: latent, noise: noise, of: r.p}
}

// before is x' at σ; x itself without a mask.
func (p *inpaint) before(x torch.Tensor, sigma float64) torch.Tensor {
	if p == nil {
		return x
	}
	return torch.Scoped(func() torch.Tensor {
		return x.Mul(p.mask).Add(p.of.mixed(p.latent, p.noise, sigma).Mul(p.keep))
	})
}

// after is D'.
func (p *inpaint) after(d torch.Tensor) torch.Tensor {
	if p == nil {
		return d
	}
	return torch.Scoped(func() torch.Tensor { return d.Mul(p.mask).Add(p.latent.Mul(p.keep)) })
}

// moved is x with what guidance changed of it, where the mask is.
func (p *inpaint) moved(x, from, guided torch.Tensor) torch.Tensor {
	if p == nil {
		return guided
	}
	return torch.Scoped(func() torch.Tensor { return x.Add(guided.Sub(from).Mul(p.mask)) })
}

// mixed is a latent with noise at σ as it is in the middle of a run: the highest noise level is no exception, as it is in Noised.
func (p *Pipeline) mixed(latent, noise torch.Tensor, sigma float64) torch.Tensor {
	return p.noise.Noised(latent, noise.ZerosLike(), sigma).Add(noise.MulScalar(sigma))
}

// latentShare is what a latent is multiplied with where noise of σ is mixed into it: 1 of models that add noise, 1−σ of a flow.
func (p *Pipeline) latentShare(sigma float64) float64 {
	share := 0.0
	torch.Scoped(func() torch.Tensor {
		one := torch.Ones([]int64{1}, torch.Float32, torch.CPU)
		share = float64(p.noise.Noised(one, one.ZerosLike(), sigma).Float32s()[0])
		return torch.Tensor{}
	})
	return share
}
