package diffusion

import (
	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// conditional is the model under one prompt, as guidance reads it.
type conditional struct {
	p    *Pipeline
	text torch.Tensor // [1,L,D] in the UNet's type and place
}

// Conditional gives the model under the conditioning c, for a guidance session. It is good as long as c is open.
func (p *Pipeline) Conditional(c Conditioning) guidance.Model {
	return conditional{p: p, text: c.Hidden}
}

var _ guidance.Model = conditional{}

// Taps evaluates the UNet once at x [1,C,H,W] = X_t and gives its attention layers, in the order of the model.
func (c conditional) Taps(x torch.Tensor, timestep float64) []attention.Tap {
	r := &attention.Recorder{}
	u := c.p.unet
	text := c.text.To(u.DType()).ToDevice(u.Device())
	out := u.Forward(x.To(u.DType()).ToDevice(u.Device()), timestep, text, r)
	out.Close()
	return r.Taps()
}
