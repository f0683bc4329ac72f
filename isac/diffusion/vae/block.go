package vae

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

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
			if x = b.Forward(x, torch.Tensor{}); i > 0 { // the first is not ours
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
