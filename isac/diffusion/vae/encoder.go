package vae

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// encoder maps images to the moments of latents.
type encoder struct {
	in, out layer.Conv
	levels  []resnets
	samples []layer.Downsample // after each level but the last
	mid     middle
	norm    layer.GroupNorm
}

func newEncoder(p *weights.Params, cfg Config) *encoder {
	n := len(cfg.Levels)
	channels := cfg.Levels[0].Channels
	e := &encoder{in: layer.NewConv(p.Sub("conv_in"), cfg.ImageChannels, channels, 3, 1, 1)}
	for i, l := range cfg.Levels {
		d := p.Sub(fmt.Sprintf("down_blocks.%d", i))
		e.levels = append(e.levels, newResnets(d, l.EncoderLayers, channels, l.Channels, cfg.Groups))
		if channels = l.Channels; i < n-1 {
			e.samples = append(e.samples, layer.NewDownsample(d.Sub("downsamplers.0"), channels, true))
		}
	}
	e.mid = newMiddle(p.Sub("mid_block"), cfg)
	e.norm = layer.NewGroupNorm(p.Sub("conv_norm_out"), channels, cfg.Groups, eps)
	e.out = layer.NewConv(p.Sub("conv_out"), channels, 2*cfg.LatentChannels, 3, 1, 1)
	return e
}

// forward maps x [B,3,H,W] to [B,2·latent,H/f,W/f].
func (e *encoder) forward(x torch.Tensor) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		h := e.in.Forward(x)
		next := func(forward func(torch.Tensor) torch.Tensor) {
			before := h
			h = forward(h)
			before.Close()
		}
		for i, level := range e.levels {
			if next(level.forward); i < len(e.samples) {
				next(e.samples[i].Forward)
			}
		}
		return e.out.Forward(e.norm.Activated(e.mid.forward(h)))
	})
}
