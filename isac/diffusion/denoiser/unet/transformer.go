package unet

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// transformer is an attention block of the UNet: the image as a sequence of its pixels through one or more transformer blocks, added
// to what came in.
type transformer struct {
	norm    layer.GroupNorm
	in, out layer.Linear
	blocks  []transformerBlock

	checkpoint bool // each block keeps what comes into it alone
}

// transformerBlock is self-attention, cross-attention and a gated feed-forward layer, each after a layer norm and added to its input.
type transformerBlock struct {
	norm1, norm2, norm3 layer.LayerNorm
	self, cross         multiHead
	gate, project       layer.Linear
}

func newTransformer(p *weights.Params, channels int64, depth int, heads int64, cfg Config) transformer {
	t := transformer{
		norm: layer.NewGroupNorm(p.Sub("norm"), channels, cfg.Groups, 1e-6),
		in:   layer.NewPointwise(p.Sub("proj_in"), channels, channels),
		out:  layer.NewPointwise(p.Sub("proj_out"), channels, channels),
	}
	for i := range depth {
		t.blocks = append(t.blocks, newTransformerBlock(p.Sub(fmt.Sprintf("transformer_blocks.%d", i)), channels, heads, cfg))
	}
	return t
}

func newTransformerBlock(p *weights.Params, width, heads int64, cfg Config) transformerBlock {
	hidden := 4 * width
	if s := p.Shape("ff.net.2.weight"); len(s) == 2 {
		hidden = s[1]
	}
	return transformerBlock{
		norm1: layer.NewLayerNorm(p.Sub("norm1"), width, 1e-5), norm2: layer.NewLayerNorm(p.Sub("norm2"), width, 1e-5),
		norm3: layer.NewLayerNorm(p.Sub("norm3"), width, 1e-5),
		self:  newMultiHead(p.Sub("attn1"), attention.Image, width, width, heads, cfg.Upcast),
		cross: newMultiHead(p.Sub("attn2"), attention.Text, width, cfg.Context, heads, cfg.Upcast),
		gate:  layer.NewLinear(p.Sub("ff.net.0.proj"), width, 2*hidden), project: layer.NewLinear(p.Sub("ff.net.2"), hidden, width),
	}
}

// forward maps x [B,C,H,W] to the same shape. Where the recorder is done it gives x itself.
func (t transformer) forward(x, context torch.Tensor, r *attention.Recorder) torch.Tensor {
	return r.Scoped1(func() torch.Tensor {
		s := x.Shape()
		h := torch.Scoped(func() torch.Tensor { return t.in.Forward(t.norm.Forward(x).Flatten(2, 3).Transpose(1, 2)) }) // [B,H·W,C]
		for _, b := range t.blocks {
			before := h
			if t.checkpoint && torch.GradEnabled() {
				h = r.Checkpoint(func(in []torch.Tensor, r *attention.Recorder) []torch.Tensor {
					return []torch.Tensor{b.forward(in[0], in[1], s[2], s[3], r)}
				}, before, context)[0]
			} else {
				h = b.forward(before, context, s[2], s[3], r)
			}
			if r.Done() {
				return x
			}
			before.Close()
		}
		return layer.AddTokens(x, t.out.Forward(h))
	})
}

func (b transformerBlock) forward(x, context torch.Tensor, height, width int64, r *attention.Recorder) torch.Tensor {
	return r.Scoped1(func() torch.Tensor {
		// What a part makes is freed before the next one; each makes a tensor of its own, to which its input is added.
		looked := r.Scoped1(func() torch.Tensor {
			h := b.norm1.Forward(x)
			if h = b.self.forward(h, h, height, width, r); r.Done() {
				return x
			}
			return h.AddInPlace(x)
		})
		if r.Done() {
			return x
		}
		read := r.Scoped1(func() torch.Tensor {
			h := b.cross.forward(b.norm2.Forward(looked), context, height, width, r)
			if r.Done() {
				return looked
			}
			return h.AddInPlace(looked)
		})
		if r.Done() {
			return x
		}
		looked.Close()
		h := torch.Scoped(func() torch.Tensor {
			return torch.GEGLU(torch.Scoped(func() torch.Tensor { return b.gate.Forward(b.norm3.Forward(read)) }))
		})
		return b.project.Forward(h).AddInPlace(read)
	})
}
