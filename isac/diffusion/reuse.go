package diffusion

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// reuse is what the model predicted at a guided step of a run, for the sampler's own evaluation of that step. See guidance.Reuse.
type reuse struct {
	how    guidance.Reuse
	sigma  float64               // of the step
	images []guidance.Prediction // of the batch, kept tensors; undefined where guidance did not look
}

// newReuse is nil where nothing is taken over.
func newReuse(g *Guidance, images int64) *reuse {
	if g == nil || !g.reuses() {
		return nil
	}
	return &reuse{how: g.Method.Common().Reuse, images: make([]guidance.Prediction, images)}
}

// reuses tells whether the sampler takes over predictions.
func (g *Guidance) reuses() bool { return g.Method.Common().Reuse.On() && !g.Measure }

// checkReuse says why a request cannot do what its method says of reuse.
func (r *SampleRequest) checkReuse() error {
	g := r.Guidance
	if g.Method == nil || !g.reuses() {
		return nil
	}
	how := g.Method.Common().Reuse
	switch {
	case g.selection().Several():
		return fmt.Errorf("reuse is %s, and several candidates are run, whose evaluations are their own: set reuse to none", how)
	case !r.Positive.plain() || r.needsNegative() && !r.Negative.plain():
		return fmt.Errorf("reuse is %s, and there are several conditionings, or one with an area, a mask or a control net, while guidance evaluates one as it is: set reuse to none", how)
	}
	return nil
}

// begin forgets the step before.
func (u *reuse) begin(sigma float64) {
	if u != nil {
		u.close()
		u.sigma = sigma
	}
}

// take keeps the prediction of an image, in the place of one of an earlier move.
func (u *reuse) take(image int, p guidance.Prediction) {
	u.free(image)
	u.images[image] = guidance.Prediction{
		At: p.At.Clone().Keep(), Value: torch.Scoped(func() torch.Tensor { return p.Value.To(torch.Float32).Clone() }).Keep(),
	}
}

func (u *reuse) free(image int) {
	closeAll([]torch.Tensor{u.images[image].At, u.images[image].Value})
	u.images[image] = guidance.Prediction{}
}

// has tells whether there is a prediction of every image at σ.
func (u *reuse) has(sigma float64) bool {
	if u == nil || sigma != u.sigma {
		return false
	}
	for _, p := range u.images {
		if !p.Value.Defined() {
			return false
		}
	}
	return true
}

// joined are X_t and the predictions of the whole batch, [B,C,h,w].
func (u *reuse) joined() (at, value torch.Tensor) {
	ats, values := make([]torch.Tensor, len(u.images)), make([]torch.Tensor, len(u.images))
	for i, p := range u.images {
		ats[i], values[i] = p.At, p.Value
	}
	return torch.Cat(ats, 0), torch.Cat(values, 0)
}

// close frees what was taken.
func (u *reuse) close() {
	if u != nil {
		for i := range u.images {
			u.free(i)
		}
	}
}

// reused is evaluate with the positive side as guidance saw it: the negative side alone is evaluated, at x or where guidance looked.
// What was taken is used up: samplers that evaluate a step more than once do so at places of their own.
func (d denoiser) reused(x torch.Tensor, sigma float64, negative bool) ([]torch.Tensor, error) {
	defer d.reuse.close()
	var err error
	out := torch.WithScope(func() []torch.Tensor {
		noise := d.p.noise
		seen, combined := d.reuse.joined()
		at, in := x, seen
		if d.reuse.how == guidance.ReuseShared {
			at = noise.Output(seen, sigma)
		} else {
			in = noise.Input(x, sigma)
		}
		var none torch.Tensor
		if d.two {
			if none, err = d.negativeOf(in, noise.Timestep(sigma)); err != nil {
				return nil
			}
			combined, none = d.combine(none, combined)
		}
		out := []torch.Tensor{noise.Denoised(at, combined, sigma)}
		if negative {
			out = append(out, noise.Denoised(at, none, sigma))
		}
		if d.reuse.how == guidance.ReuseShared {
			for i := range out {
				out[i] = out[i].Add(x.Sub(at))
			}
		}
		return out
	})
	return out, err
}

// negativeOf is the prediction of the negative side alone for X_t [B,C,h,w], float32.
func (d denoiser) negativeOf(in torch.Tensor, timestep float64) (torch.Tensor, error) {
	s := side{d.text, d.vector}
	if d.apart != nil {
		s = *d.apart
	} else {
		s.text = s.text.Narrow(0, 0, 1)
		if s.vector.Defined() {
			s.vector = s.vector.Narrow(0, 0, 1)
		}
	}
	var parts []torch.Tensor
	for first, all := int64(0), in.Size(0); first < all; first += d.part {
		n := min(d.part, all-first)
		d.cost.add(n)
		y, err := d.p.model.Denoiser.ForwardContext(d.ctx, in.Narrow(0, first, n).To(d.p.model.Denoiser.DType()), timestep, repeated(s.text, n), repeated(s.vector, n), nil)
		if err != nil {
			return torch.Tensor{}, err
		}
		parts = append(parts, y.To(torch.Float32))
	}
	return torch.Cat(parts, 0), nil
}
