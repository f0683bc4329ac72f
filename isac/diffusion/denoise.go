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
	part         int64        // images that are evaluated at once
	text, vector torch.Tensor // [1,…], or where cfg is not 1 [2,…]: the negative, then the positive
	several      *parts       // where a side has several conditionings, or one for a part of the picture: then all else but cfg is unused
	apart        *side        // the negative where it has another length: then text and vector are the positive's alone
}

// side is one conditioning: text [1,L,D], and vector [1,V] or undefined.
type side struct{ text, vector torch.Tensor }

// newDenoiser brings both conditionings into the denoiser's type and place, once for the run.
func newDenoiser(r *run) (denoiser, error) {
	d := denoiser{ctx: r.ctx, p: r.p, cfg: r.request.CFG, part: r.plan.part}
	if r.request.Positive.plain() && (d.cfg == 1 || r.request.Negative.plain()) {
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
	if d.text, d.vector, err = place(r.request.Positive); err != nil || d.cfg == 1 {
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
	var err error
	out := torch.Scoped(func() torch.Tensor {
		network, noise := d.p.model.Denoiser, d.p.noise
		if d.several != nil {
			return d.each(x, func(first, n int64) (y torch.Tensor) {
				y, err = d.denoised(x.Narrow(0, first, n), first, sigma)
				return y
			}, &err)
		}
		in := noise.Input(x, sigma).To(network.DType())
		y := d.each(x, func(first, n int64) (y torch.Tensor) {
			y, err = d.predict(in.Narrow(0, first, n), noise.Timestep(sigma))
			return y
		}, &err)
		if err != nil {
			return torch.Tensor{}
		}
		return noise.Denoised(x, y, sigma)
	})
	return out, err
}

// each evaluates as many images of x [B,C,h,w] at once as there is room for, and puts what comes of them together, until there is an error.
func (d denoiser) each(x torch.Tensor, evaluate func(first, n int64) torch.Tensor, err *error) torch.Tensor {
	var done []torch.Tensor
	for first, all := int64(0), x.Size(0); first < all && *err == nil; first += d.part {
		done = append(done, torch.Scoped(func() torch.Tensor { return evaluate(first, min(d.part, all-first)) }))
	}
	switch {
	case *err != nil:
		return torch.Tensor{}
	case len(done) == 1:
		return done[0]
	}
	return torch.Cat(done, 0)
}

// predict evaluates the model on what it takes in, [n,C,h,w], and combines both sides.
func (d denoiser) predict(in torch.Tensor, timestep float64) (torch.Tensor, error) {
	if d.apart != nil {
		return d.predictApart(in, timestep)
	}
	n := in.Size(0)
	text, vector := repeated(d.text, n), repeated(d.vector, n)
	if d.cfg != 1 {
		in = torch.Cat([]torch.Tensor{in, in}, 0)
	}
	y, err := d.p.model.Denoiser.ForwardContext(d.ctx, in, timestep, text, vector, nil)
	if err != nil {
		return torch.Tensor{}, err
	}
	if y = y.To(torch.Float32); d.cfg == 1 {
		return y, nil
	}
	negative := y.Narrow(0, 0, n)
	return negative.Add(y.Narrow(0, n, n).Sub(negative).MulScalar(d.cfg)), nil
}

// predictApart is predict with an evaluation for each side.
func (d denoiser) predictApart(in torch.Tensor, timestep float64) (torch.Tensor, error) {
	var sides []torch.Tensor
	for _, s := range []side{*d.apart, {d.text, d.vector}} {
		y, err := d.p.model.Denoiser.ForwardContext(d.ctx, in, timestep, repeated(s.text, in.Size(0)), repeated(s.vector, in.Size(0)), nil)
		if err != nil {
			return torch.Tensor{}, err
		}
		sides = append(sides, y.To(torch.Float32))
	}
	return sides[0].Add(sides[1].Sub(sides[0]).MulScalar(d.cfg)), nil
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
