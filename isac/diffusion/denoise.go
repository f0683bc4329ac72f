package diffusion

import (
	"context"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/torch"
)

// denoiser is the model as samplers want it: from a noisy x to what it believes to be the image.
type denoiser struct {
	ctx          context.Context
	p            *Pipeline
	cfg          float64
	part         int64        // images that are evaluated at once
	text, vector torch.Tensor // [1,…], or where both are asked for [2,…]: the negative, then the positive
	two          bool         // both conditionings are there
	several      *parts       // where a side has several conditionings, or one for a part of the picture: then text and vector are unused
	cost         *Cost        // of the run; may be nil
	apart        *side        // the negative where it has another length: then text and vector are the positive's alone
}

// side is one conditioning: text [1,L,D], and vector [1,V] or undefined.
type side struct{ text, vector torch.Tensor }

// newDenoiser brings both conditionings into the denoiser's type and place, once for the run.
func newDenoiser(r *run) (denoiser, error) {
	d := denoiser{ctx: r.ctx, p: r.p, cfg: r.request.CFG, part: r.plan.part, two: r.request.needsNegative(), cost: &r.result.Cost}
	if r.request.Positive.plain() && (!d.two || r.request.Negative.plain()) {
		return d, d.join(r)
	}
	var err error
	d.several, err = newParts(r)
	return d, err
}

// join puts both sides together where there is one conditioning of each.
func (d *denoiser) join(r *run) error {
	f := r.p.Factor()
	place := func(c Conditioning) (text, vector torch.Tensor, err error) {
		return r.p.place(c, int(r.plan.shape[3])*f, int(r.plan.shape[2])*f)
	}
	var err error
	if d.text, d.vector, err = place(r.request.Positive); err != nil || !d.two {
		return err
	}
	text, vector, err := place(r.request.Negative)
	if err != nil {
		return err
	}
	if text.Size(1) != d.text.Size(1) { // prompts of another number of chunks: what one reads must not change with the other
		d.apart = &side{text, vector}
		return nil
	}
	d.text = torch.Cat([]torch.Tensor{text, d.text}, 0)
	if vector.Defined() {
		d.vector = torch.Cat([]torch.Tensor{vector, d.vector}, 0)
	}
	return nil
}

// at evaluates the model once on x [B,C,h,w] (the sampler's, float32) at sigma and gives D of the same shape:
//
//	D = D_negative + cfg·(D_positive − D_negative),
//
// both from one evaluation on a batch of [negative; positive] where they are equally long. D is linear in the prediction, so the two are combined before. Where there
// is no room for all images at once, there are several evaluations.
func (d denoiser) at(x torch.Tensor, sigma float64) (torch.Tensor, error) {
	out, err := d.evaluate(x, sigma, false)
	if err != nil {
		return torch.Tensor{}, err
	}
	return out[0], nil
}

// both is at, and D_negative beside it, for samplers that need it.
func (d denoiser) both(x torch.Tensor, sigma float64) (denoised, negative torch.Tensor, err error) {
	out, err := d.evaluate(x, sigma, true)
	if err != nil {
		return denoised, negative, err
	}
	return out[0], out[1], nil
}

// evaluate gives D, and D_negative if it is asked for.
func (d denoiser) evaluate(x torch.Tensor, sigma float64, negative bool) ([]torch.Tensor, error) {
	var err error
	out := torch.WithScope(func() []torch.Tensor {
		network, noise := d.p.model.Denoiser, d.p.noise
		in := noise.Input(x, sigma).To(network.DType())
		var parts [][]torch.Tensor
		for first, all := int64(0), x.Size(0); first < all && err == nil; first += d.part {
			n := min(d.part, all-first)
			parts = append(parts, torch.WithScope(func() []torch.Tensor {
				var y, none torch.Tensor
				if d.several != nil {
					y, none, err = d.denoised(x.Narrow(0, first, n), first, sigma)
				} else {
					y, none, err = d.predict(in.Narrow(0, first, n), noise.Timestep(sigma), nil)
				}
				if err != nil {
					return nil
				}
				if !negative {
					return []torch.Tensor{y}
				}
				return []torch.Tensor{y, none}
			}))
		}
		if err != nil {
			return nil
		}
		out := make([]torch.Tensor, len(parts[0]))
		for side := range out {
			each := make([]torch.Tensor, len(parts))
			for i := range parts {
				each[i] = parts[i][side]
			}
			y := each[0]
			if len(each) > 1 {
				y = torch.Cat(each, 0)
			}
			if d.several == nil {
				y = noise.Denoised(x, y, sigma)
			}
			out[side] = y
		}
		return out
	})
	return out, err
}

// rows evaluates the model at once on some images of a batch, x [n,C,h,w], the first of which is image first of it, and gives D and, where
// it is known, D_negative. r, which may be nil, records the attention of the positive conditioning, whose rows come last.
func (d denoiser) rows(x torch.Tensor, first int64, sigma float64, r *attention.Recorder) (out []torch.Tensor, err error) {
	var y, none torch.Tensor
	if d.several != nil {
		if y, none, err = d.denoised(x, first, sigma); none.Defined() {
			return []torch.Tensor{y, none}, err
		}
		return []torch.Tensor{y}, err
	}
	noise := d.p.noise
	if y, none, err = d.predict(noise.Input(x, sigma).To(d.p.model.Denoiser.DType()), noise.Timestep(sigma), r); err != nil {
		return nil, err
	}
	out = []torch.Tensor{noise.Denoised(x, y, sigma)}
	if none.Defined() {
		out = append(out, noise.Denoised(x, none, sigma))
	}
	return out, nil
}

// predict evaluates the model on what it takes in, [n,C,h,w], and combines both sides. It gives the negative side too, where both are
// there; with a cfg of 1 the combination is the positive. r, which may be nil, records the evaluation of the positive side.
func (d denoiser) predict(in torch.Tensor, timestep float64, r *attention.Recorder) (combined, negative torch.Tensor, err error) {
	if d.apart != nil {
		return d.predictApart(in, timestep, r)
	}
	n := in.Size(0)
	text, vector := repeated(d.text, n), repeated(d.vector, n)
	if d.two {
		in = torch.Cat([]torch.Tensor{in, in}, 0)
	}
	d.cost.add(in.Size(0))
	y, err := d.p.model.Denoiser.ForwardContext(d.ctx, in, timestep, text, vector, r)
	if err != nil {
		return combined, negative, err
	}
	if y = y.To(torch.Float32); !d.two {
		return y, negative, nil
	}
	combined, negative = d.combine(y.Narrow(0, 0, n), y.Narrow(0, n, n))
	return combined, negative, nil
}

// predictApart is predict with an evaluation for each side.
func (d denoiser) predictApart(in torch.Tensor, timestep float64, r *attention.Recorder) (combined, negative torch.Tensor, err error) {
	var sides []torch.Tensor
	for i, s := range []side{*d.apart, {d.text, d.vector}} {
		var seen *attention.Recorder
		if i == 1 {
			seen = r
		}
		d.cost.add(in.Size(0))
		y, err := d.p.model.Denoiser.ForwardContext(d.ctx, in, timestep, repeated(s.text, in.Size(0)), repeated(s.vector, in.Size(0)), seen)
		if err != nil {
			return combined, negative, err
		}
		sides = append(sides, y.To(torch.Float32))
	}
	combined, negative = d.combine(sides[0], sides[1])
	return combined, negative, nil
}

// combine is classifier-free guidance.
func (d denoiser) combine(negative, positive torch.Tensor) (combined, _ torch.Tensor) {
	if d.cfg == 1 { // with the very bits of the positive
		return positive, negative
	}
	return negative.Add(positive.Sub(negative).MulScalar(d.cfg)), negative
}

// repeated has each of the rows of t [s,…] n times, [s·n,…]; undefined where t is.
func repeated(t torch.Tensor, n int64) torch.Tensor {
	if !t.Defined() || n == 1 {
		return t
	}
	shape := t.Shape()
	each := make([]torch.Tensor, shape[0])
	for i := range each {
		row := append([]int64{n}, shape[1:]...)
		each[i] = t.Narrow(0, int64(i), 1).Expand(row...)
	}
	if len(each) == 1 {
		return each[0]
	}
	return torch.Cat(each, 0)
}
