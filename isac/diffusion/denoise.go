package diffusion

import (
	"context"

	"github.com/isac-guidance/isac/isac/torch"
)

// denoiser is the UNet as samplers want it: from a noisy x to what it believes to be the image.
type denoiser struct {
	ctx  context.Context
	p    *Pipeline
	cfg  float64
	text torch.Tensor // [2B,L,D]: negatives, then positives; [B,L,D] where cfg is 1
}

// newDenoiser brings both conditionings into the UNet's type and place, once for the run.
func newDenoiser(r *run) denoiser {
	d := denoiser{ctx: r.ctx, p: r.p, cfg: r.request.CFG}
	place := func(c Conditioning) torch.Tensor {
		h := c.Hidden.To(d.p.unet.DType()).ToDevice(d.p.unet.Device())
		return h.Expand(r.plan.shape[0], -1, -1)
	}
	positive := place(r.request.Positive)
	if d.cfg == 1 {
		d.text = positive
		return d
	}
	d.text = torch.Cat(level(place(r.request.Negative), positive), 0)
	return d
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

// at evaluates the model once on x [B,C,h,w] (variance-exploding, float32) at sigma and gives D of the same shape:
//
//	D = D_negative + cfg·(D_positive − D_negative),
//
// both from one evaluation on a batch of [negative; positive]. D is linear in the prediction, so the two are combined before.
func (d denoiser) at(x torch.Tensor, sigma float64) (torch.Tensor, error) {
	var err error
	out := torch.Scoped(func() torch.Tensor {
		u := d.p.unet
		in := d.p.noise.Input(x, sigma).To(u.DType())
		if d.cfg != 1 {
			in = torch.Cat([]torch.Tensor{in, in}, 0)
		}
		var y torch.Tensor
		if y, err = u.ForwardContext(d.ctx, in, d.p.noise.Timestep(sigma), d.text, nil); err != nil {
			return torch.Tensor{}
		}
		y = y.To(torch.Float32)
		if d.cfg != 1 {
			n := x.Size(0)
			negative := y.Narrow(0, 0, n)
			y = negative.Add(y.Narrow(0, n, n).Sub(negative).MulScalar(d.cfg))
		}
		return d.p.noise.Denoised(x, y, sigma)
	})
	return out, err
}
