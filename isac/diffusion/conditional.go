package diffusion

import (
	"context"
	"errors"
	"math"

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

	cost   *Cost                // of the run that it is for; may be nil
	last   *backbone.Evaluation // what was evaluated last; its height is 0 before that
	method guidance.Method      // that reads it; nil where nobody has told
	most   *int64               // images that are evaluated at once, at most
	run    *controlledRun       // nil outside of runs, and where there are no control nets
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
	most := int64(math.MaxInt64)
	return conditional{ctx: ctx, p: p, c: c, last: &backbone.Evaluation{}, most: &most}
}

var _ guidance.Several = conditional{}

// Layers are the attention layers of an evaluation at x.
func (c conditional) Layers(x torch.Tensor) []attention.Tap {
	return c.p.model.Denoiser.Layers(int(x.Size(2)), int(x.Size(3)), int(c.c.Hidden.Size(1)))
}

// AtOnce is how many guided images are evaluated at once: no more than of unguided ones, and than there is room for without checkpoints
// that one alone would not need. Control nets have pictures of their own for each image.
func (c conditional) AtOnce(x torch.Tensor, images int) int {
	images = int(min(int64(images), *c.most))
	if images < 2 || len(c.c.Controls) > 0 {
		return 1
	}
	e := c.guided(x)
	e.Checkpoint = c.p.checkpoints(e)
	c.p.clear(need{device: c.p.evaluation(e)})
	return int(atOnce(int64(images), c.p.roomTogether(), func(part int64) need {
		e.Batch = part
		return need{device: c.p.evaluation(e)}.room()
	}))
}

// Crowded has half as many images evaluated at once, at most, after text encoders left and what is kept in reserve was given back.
func (c conditional) Crowded(images int) {
	c.p.spare()
	*c.most = int64(images / 2)
}

// guided is an evaluation with gradient of x [B,C,H,W].
func (c conditional) guided(x torch.Tensor) backbone.Evaluation {
	e := backbone.Evaluation{
		Batch: x.Size(0), Height: x.Size(2), Width: x.Size(3), Tokens: c.c.Hidden.Size(1), Fused: fused(), Reorders: c.p.device == torch.CPU, Gradient: true,
	}
	e.Streamed = c.method == nil || streams(c.method) // as nearly all do
	e.Online = e.Streamed && (c.method == nil || online(c.method))
	return e
}

// Taps evaluates the denoiser once at x [1,C,H,W] = X_t and gives its attention layers, in the order of the model.
func (c conditional) Taps(x torch.Tensor, timestep float64) ([]attention.Tap, error) {
	taps, _, err := c.Evaluate(x, timestep, guidance.Ask{})
	return taps, err
}

// Evaluate evaluates the denoiser once at x [B,C,H,W], as far as is asked for.
func (c conditional) Evaluate(x torch.Tensor, timestep float64, ask guidance.Ask) (taps []attention.Tap, prediction torch.Tensor, err error) {
	r := &attention.Recorder{Only: !ask.Prediction, Layers: ask.Layers}
	d, f := c.p.model.Denoiser, c.p.Factor()
	*c.last = c.guided(x)
	c.last.Gradient = torch.GradEnabled()
	if torch.GradEnabled() {
		c.p.clear(need{device: c.p.evaluation(*c.last)})
		checkpoint := c.p.checkpoints(*c.last)
		d.Checkpoint(checkpoint)
		if checkpoint && ask.Online != nil && x.Size(0) == 1 { // of several images the maps are each one's own
			r.Online = attention.NewOnline(ask.Online.Options, c.Layers(x), ask.Online.Reads, d.DType(), d.Device())
		}
	}
	if c.cost.add(x.Size(0)); c.cost != nil && torch.GradEnabled() {
		c.cost.Gradients += int(x.Size(0))
	}
	text, vector, err := c.p.place(c.c, int(x.Size(3))*f, int(x.Size(2))*f)
	if err != nil {
		return nil, prediction, err
	}
	in := x.To(d.DType()).ToDevice(d.Device())
	if len(c.c.Controls) > 0 {
		prediction, err = c.controlled(in, timestep, text, vector, r)
	} else {
		prediction, err = d.ForwardContext(c.ctx, in, timestep, repeated(text, x.Size(0)), repeated(vector, x.Size(0)), r)
	}
	if err != nil {
		return nil, prediction, err
	}
	return r.Taps(), prediction, nil
}

// controlled evaluates the denoiser under control nets, through which gradients go as well.
func (c conditional) controlled(in torch.Tensor, timestep float64, text, vector torch.Tensor, r *attention.Recorder) (torch.Tensor, error) {
	d, ok := c.p.model.Denoiser.(backbone.Controlled)
	if !ok {
		return torch.Tensor{}, errors.New("this model takes no control nets")
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
		return torch.Tensor{}, err
	}
	return d.ForwardControlled(c.ctx, in, timestep, text, vector, add, r)
}
