package unet

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// stage is a residual block and the attention after it, if the level has one: the unit between two skip connections.
type stage struct {
	resnet     layer.Resnet
	attention  *transformer
	checkpoint bool
}

func newStage(p *weights.Params, i int, in, out int64, depth int, heads int64, cfg Config) stage {
	s := stage{resnet: layer.NewResnet(p.Sub(fmt.Sprintf("resnets.%d", i)), in, out, cfg.TimeWidth, cfg.Groups, cfg.Eps)}
	if depth > 0 {
		t := newTransformer(p.Sub(fmt.Sprintf("attentions.%d", i)), out, depth, heads, cfg)
		s.attention = &t
	}
	return s
}

// setCheckpoint has a stage keep what comes into it and nothing else until the gradient comes back to it; one of several transformer blocks what
// comes into each, so that no more than one of them is there at once.
func (s *stage) setCheckpoint(on bool) {
	s.checkpoint = on
	if s.attention != nil {
		s.attention.checkpoint = on && len(s.attention.blocks) > 1
	}
}

// forward maps x [B,in,H,W] to [B,out,H,W].
func (s stage) forward(x, temb, context torch.Tensor, r *attention.Recorder) torch.Tensor {
	if !s.checkpoint || !torch.GradEnabled() {
		return s.run(x, temb, context, r)
	}
	if s.attention != nil && s.attention.checkpoint {
		return r.Scoped1(func() torch.Tensor { return s.attention.forward(checkpointed(s.resnet, x, temb), context, r) })
	}
	return r.Checkpoint(func(in []torch.Tensor, r *attention.Recorder) []torch.Tensor {
		return []torch.Tensor{s.run(in[0], in[1], in[2], r)}
	}, x, temb, context)[0]
}

// checkpointed runs a residual block in a gradient checkpoint.
func checkpointed(resnet layer.Resnet, x, temb torch.Tensor) torch.Tensor {
	return torch.Checkpoint(func(in []torch.Tensor) []torch.Tensor { return []torch.Tensor{resnet.Forward(in[0], in[1])} }, x, temb)[0]
}

func (s stage) run(x, temb, context torch.Tensor, r *attention.Recorder) torch.Tensor {
	return r.Scoped1(func() torch.Tensor {
		x = s.resnet.Forward(x, temb)
		if s.attention != nil {
			x = s.attention.forward(x, context, r)
		}
		return x
	})
}

// down is one level on the way down.
type down struct {
	stages []stage
	sample *layer.Downsample
}

// up is one level on the way up.
type up struct {
	stages []stage
	sample *layer.Upsample
}

// newDown loads down_blocks.N. It appends the channels of the skip connections that the level makes.
func newDown(p *weights.Params, in int64, l Level, last bool, cfg Config, skips *[]int64) down {
	var d down
	for i := range l.Down {
		d.stages = append(d.stages, newStage(p, i, in, l.Channels, l.Down[i], l.Heads, cfg))
		in = l.Channels
		*skips = append(*skips, in)
	}
	if !last {
		s := layer.NewDownsample(p.Sub("downsamplers.0"), in, false)
		d.sample = &s
		*skips = append(*skips, in)
	}
	return d
}

// newUp loads up_blocks.N. It takes its skip connections off the end of skips.
func newUp(p *weights.Params, in int64, l Level, last bool, cfg Config, skips *[]int64) up {
	var u up
	for i := range l.Up {
		n := len(*skips) - 1
		u.stages = append(u.stages, newStage(p, i, in+(*skips)[n], l.Channels, l.Up[i], l.Heads, cfg))
		in, *skips = l.Channels, (*skips)[:n]
	}
	if !last {
		s := layer.NewUpsample(p.Sub("upsamplers.0"), in)
		u.sample = &s
	}
	return u
}
