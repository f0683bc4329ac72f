package diffusion

import (
	"context"
	"errors"

	"github.com/isac-guidance/isac/isac/attention"
	backbone "github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// conditional is the model under one prompt, as guidance reads it.
type conditional struct {
	ctx context.Context // a guidance session hands on none of its own
	p   *Pipeline
	c   Conditioning
	run *controlledRun // nil outside of runs, and where there are no control nets
}

// controlledRun is what control nets need to know of the run that is guided.
type controlledRun struct {
	controls []applied
	image    int64 // of the batch
	sigma    *float64
}

// Conditional gives the model under the conditioning c, for a guidance session. It is good as long as c is open.
func (p *Pipeline) Conditional(c Conditioning) guidance.Model {
	return p.ConditionalContext(context.Background(), c)
}

// ConditionalContext is Conditional whose evaluations stop between two blocks of the model, with ctx's error, once ctx is done.
func (p *Pipeline) ConditionalContext(ctx context.Context, c Conditioning) guidance.Model {
	return conditional{ctx: ctx, p: p, c: c}
}

var _ guidance.Model = conditional{}

// Taps evaluates the denoiser once at x [1,C,H,W] = X_t and gives its attention layers, in the order of the model.
func (c conditional) Taps(x torch.Tensor, timestep float64) ([]attention.Tap, error) {
	r := &attention.Recorder{Only: true}
	d, f := c.p.model.Denoiser, c.p.Factor()
	if c.p.autoCheckpoint {
		d.Checkpoint(c.p.checkpoints(backbone.Evaluation{
			Batch: 1, Height: x.Size(2), Width: x.Size(3), Tokens: c.c.Hidden.Size(1), Fused: fused(), Gradient: true,
		}))
	}
	text, vector, err := c.p.place(c.c, int(x.Size(3))*f, int(x.Size(2))*f)
	if err != nil {
		return nil, err
	}
	in := x.To(d.DType()).ToDevice(d.Device())
	if len(c.c.Controls) > 0 {
		err = c.controlled(in, timestep, text, vector, r)
	} else {
		_, err = d.ForwardContext(c.ctx, in, timestep, text, vector, r)
	}
	if err != nil {
		return nil, err
	}
	return r.Taps(), nil
}

// controlled evaluates the denoiser under control nets, through which gradients go as well.
func (c conditional) controlled(in torch.Tensor, timestep float64, text, vector torch.Tensor, r *attention.Recorder) error {
	d, ok := c.p.model.Denoiser.(backbone.Controlled)
	if !ok {
		return errors.New("this model takes no control nets")
	}
	var controls []applied
	image, sigma := int64(0), c.p.noise.SigmaAt(timestep)
	if c.run != nil {
		controls, image, sigma = c.run.controls, c.run.image, *c.run.sigma
	} else {
		torch.NoGrad(func() { controls = c.p.controls(c.c, in.Size(2), in.Size(3), nil) })
	}
	for _, one := range controls {
		one.net.Checkpoint(c.p.checkpoint || c.p.autoCheckpoint)
	}
	add, err := c.p.residuals(c.ctx, controls, in, 1, image, sigma, text, vector)
	if err != nil {
		return err
	}
	_, err = d.ForwardControlled(c.ctx, in, timestep, text, vector, add, r)
	return err
}
