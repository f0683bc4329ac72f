package vae

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// strips are how images are cut that are large: the finest level of a decoder has three images of 128 to 256 channels at once, of which each
// takes 270 MB at 512×512 pixels. What takes less memory is also a little faster, but for small images.
var strips = layer.Strips{Least: 64 << 20, Bytes: 16 << 20}

// eps of every group norm in the autoencoder.
const eps = 1e-6

// resnets are the residual blocks of one level, one after another.
type resnets []layer.Resnet

func newResnets(p *weights.Params, n int, in, out, groups int64) resnets {
	var r resnets
	for i := range n {
		r = append(r, layer.NewResnet(p.Sub(fmt.Sprintf("resnets.%d", i)), in, out, 0, groups, eps))
		in = out
	}
	return r
}

func (r resnets) forward(x torch.Tensor) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		for i, b := range r {
			before := x
			if strips.Cut(x) {
				x = strips.Resnet(b, x)
			} else {
				x = b.Forward(x, torch.Tensor{})
			}
			if i > 0 { // the first is not ours
				before.Close()
			}
		}
		return x
	})
}

// middle is the bottom: two residual blocks with attention between.
type middle struct {
	resnets   resnets
	attention *attention
}

func newMiddle(p *weights.Params, cfg Config) middle {
	channels := cfg.Levels[len(cfg.Levels)-1].Channels
	m := middle{resnets: newResnets(p, 2, channels, channels, cfg.Groups)}
	if cfg.MidAttention {
		m.attention = newAttention(p.Sub("attentions.0"), channels, cfg.Groups)
	}
	return m
}

func (m middle) forward(x torch.Tensor) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		x = m.resnets[:1].forward(x)
		if m.attention != nil {
			x = m.attention.forward(x)
		}
		return m.resnets[1:].forward(x)
	})
}
