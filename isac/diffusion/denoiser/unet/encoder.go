package unet

import (
	"context"
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

var _ denoiser.Controlled = (*Model)(nil)

// Encoder is what of a UNet leads from the latent down to its bottom: control nets are made of it. Its weights are those of the Params
// that it was built from.
type Encoder struct {
	Config Config

	half Model // without a way up
}

// EncoderConfigFromWeights is ConfigFromWeights for tensors of which the way up is missing; OutChannels and Level.Up are not set.
func EncoderConfigFromWeights(src weights.Source, json map[string]any) (Config, error) {
	d := newDetector(src, json)
	cfg := d.encoder()
	if len(cfg.Levels) == 0 {
		d.Fail("%s: no down_blocks: %w", d.Origin(""), weights.ErrMissing)
	}
	d.settings(&cfg)
	d.refuse(cfg)
	return cfg, d.Err()
}

// NewEncoder builds an encoder from p, where what is missing is recorded. channels are those of the states that Forward gives, in its order,
// but for the bottom's.
func NewEncoder(p *weights.Params, cfg Config) (e *Encoder, channels []int64) {
	n := len(cfg.Levels)
	top, bottom := cfg.Levels[0], cfg.Levels[n-1]
	e = &Encoder{Config: cfg, half: Model{
		Config: cfg, time: newTimeEmbedding(p.Sub("time_embedding"), cfg), vector: newVectorEmbedding(p.Sub("add_embedding"), cfg),
		in: layer.NewConv(p.Sub("conv_in"), cfg.InChannels, top.Channels, 3, 1, 1),
	}}
	in := top.Channels
	channels = []int64{in}
	for i, l := range cfg.Levels {
		e.half.down = append(e.half.down, newDown(p.Sub(fmt.Sprintf("down_blocks.%d", i)), in, l, i == n-1, cfg, &channels))
		in = l.Channels
	}
	for i := range cfg.MidResnets {
		e.half.mid = append(e.half.mid, newMidStage(p.Sub("mid_block"), i, bottom, cfg))
	}
	return e, channels
}

// Forward gives the states of x [B,in,H,W] on the way down, the first convolution's first, and the bottom's. added [1 or B,C,H,W] is added
// to the first. Everything else is as in Model.ForwardContext; the states belong to the caller's scope.
func (e *Encoder) Forward(ctx context.Context, x torch.Tensor, t float64, text, vector, added torch.Tensor) (states []torch.Tensor, low torch.Tensor, err error) {
	m := &e.half
	m.checkVector(vector)
	return m.descend(ctx, m.in.Forward(x).Add(added), m.embed(t, vector), text, nil)
}

// Checkpoint switches gradient checkpointing, as Model.Checkpoint does.
func (e *Encoder) Checkpoint(on bool) { e.half.Checkpoint(on) }

// checkResiduals panics unless there are as many residuals as states.
func (m *Model) checkResiduals(add denoiser.Residuals) {
	if !add.Any() {
		return
	}
	states := 1
	for _, d := range m.down {
		states += len(d.stages)
		if d.sample != nil {
			states++
		}
	}
	if len(add.Skips) != states {
		panic(&torch.Error{Kind: torch.KindArgument, Message: fmt.Sprintf(
			"unet: %d residuals were given, and this model has %d states on its way down: is the control net one of another model?", len(add.Skips), states)})
	}
}
