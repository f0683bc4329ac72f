package diffusion

import (
	"context"

	"github.com/isac-guidance/isac/isac/torch"
)

// denoiser is the model as samplers want it: from a noisy x to what it believes to be the image.
type denoiser struct {
	ctx          context.Context
	p            *Pipeline
	cfg          float64
	text, vector torch.Tensor // [2B,…]: negatives, then positives; [B,…] where cfg is 1
}

// newDenoiser brings both conditionings into the denoiser's type and place, once for the run.
func newDenoiser(r *run) (denoiser, error) {
	d := denoiser{ctx: r.ctx, p: r.p, cfg: r.request.CFG}
	f, batch := r.p.Factor(), r.plan.shape[0]
	place := func(c Conditioning) (text, vector torch.Tensor, err error) {
		text, vector, err = r.p.place(c, int(r.plan.shape[3])*f, int(r.plan.shape[2])*f)
		if err != nil {
			return text, vector, err
		}
		if vector.Defined() {
			vector = vector.Expand(batch, -1)
		}
		return text.Expand(batch, -1, -1), vector, nil
	}
	var err error
	if d.text, d.vector, err = place(r.request.Positive); err != nil || d.cfg == 1 {
		return d, err
	}
	text, vector, err := place(r.request.Negative)
	if err != nil {
		return d, err
	}
	d.text = torch.Cat(level(text, d.text), 0)
	if vector.Defined() {
		d.vector = torch.Cat([]torch.Tensor{vector, d.vector}, 0)
	}
	return d, nil
}

// level repeats two conditionings until they are equally long: ComfyUI makes prompts of several chunks, and attention does not
// change when all tokens are there twice.
func level(a, b torch.Tensor) []torch.Tensor {
	n, m := a.Size(1), b.Size(1)
	if n == m {
		return []torch.Tensor{a, b}
	}
	common := n / gcd(n, m) * m
	return []torch.Tensor{a.Repeat(1, common/n, 1), b.Repeat(1, common/m, 1)}
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// at evaluates the model once on x [B,C,h,w] (the sampler's, float32) at sigma and gives D of the same shape:
//
//	D = D_negative + cfg·(D_positive − D_negative),
//
// both from one evaluation on a batch of [negative; positive]. D is linear in the prediction, so the two are combined before.
func (d denoiser) at(x torch.Tensor, sigma float64) (torch.Tensor, error) {
	var err error
	out := torch.Scoped(func() torch.Tensor {
		network, noise := d.p.model.Denoiser, d.p.noise
		in := noise.Input(x, sigma).To(network.DType())
		if d.cfg != 1 {
			in = torch.Cat([]torch.Tensor{in, in}, 0)
		}
		var y torch.Tensor
		if y, err = network.ForwardContext(d.ctx, in, noise.Timestep(sigma), d.text, d.vector, nil); err != nil {
			return torch.Tensor{}
		}
		y = y.To(torch.Float32)
		if d.cfg != 1 {
			n := x.Size(0)
			negative := y.Narrow(0, 0, n)
			y = negative.Add(y.Narrow(0, n, n).Sub(negative).MulScalar(d.cfg))
		}
		return noise.Denoised(x, y, sigma)
	})
	return out, err
}
