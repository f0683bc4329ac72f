package vae

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// decoder maps latents to images.
type decoder struct {
	in, out layer.Conv
	mid     middle
	levels  []resnets        // coarsest first
	samples []layer.Upsample // after each level but the last
	norm    layer.GroupNorm
}

func newDecoder(p *weights.Params, cfg Config) *decoder {
	n := len(cfg.Levels)
	channels := cfg.Levels[n-1].Channels
	d := &decoder{
		in:  layer.NewConv(p.Sub("conv_in"), cfg.LatentChannels, channels, 3, 1, 1),
		mid: newMiddle(p.Sub("mid_block"), cfg),
	}
	for i := range cfg.Levels {
		l, u := cfg.Levels[n-1-i], p.Sub(fmt.Sprintf("up_blocks.%d", i))
		d.levels = append(d.levels, newResnets(u, l.DecoderLayers, channels, l.Channels, cfg.Groups))
		if channels = l.Channels; i < n-1 {
			d.samples = append(d.samples, layer.NewUpsample(u.Sub("upsamplers.0"), channels))
		}
	}
	d.norm = layer.NewGroupNorm(p.Sub("conv_norm_out"), channels, cfg.Groups, eps)
	d.out = layer.NewConv(p.Sub("conv_out"), channels, cfg.ImageChannels, 3, 1, 1)
	return d
}

// forward maps z [B,latent,h,w] to [B,3,h·f,w·f].
func (d *decoder) forward(z torch.Tensor) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		h := torch.Scoped(func() torch.Tensor { return d.mid.forward(d.in.Forward(z)) })
		// A level's image is freed once the next one's is made, which is four times as large.
		next := func(forward func() torch.Tensor) {
			before := h
			h = forward()
			before.Close()
		}
		for i, level := range d.levels {
			if next(func() torch.Tensor { return level.forward(h) }); i < len(d.samples) {
				next(func() torch.Tensor {
					if 4*h.Numel()*int64(h.DType().Bytes()) >= strips.Least && strips.Bytes > 0 && !torch.GradEnabled() {
						return strips.Upsample(d.samples[i], h)
					}
					return d.samples[i].Forward(h, 2*h.Size(2), 2*h.Size(3))
				})
			}
		}
		if strips.Cut(h) {
			return strips.Activated(d.norm, d.out, h)
		}
		next(func() torch.Tensor { return d.norm.Activated(h) })
		return d.out.Forward(h)
	})
}
