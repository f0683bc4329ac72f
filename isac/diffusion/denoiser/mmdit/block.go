package mmdit

import (
	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// block is one joint transformer block: attention and a feed-forward layer, each after an adaptive norm, gated, and added to its
// stream. The last block leaves the text as it is, which nothing reads any more.
type block struct {
	norm1, norm1Context adaptive
	attn                joint
	attn2               *single // nil where the block has none
	ff, ffContext       feedForward
	last                bool
	checkpoint          bool
}

// The parts of an adaptive norm, in the order of its rows. A block with a second attention has three more; the norms that gate
// nothing (of the last block's text, and before the output) have a scale and a shift, in this order.
const (
	shift, scale, gate     = 0, 1, 2
	shiftFF, scaleFF       = 3, 4
	gateFF                 = 5
	shift2, scale2, gate2  = 6, 7, 8
	scaleOnly, shiftOnly   = 0, 1
	parts, dualParts, bare = 6, 9, 2
)

func newBlock(p *weights.Params, dual, last bool, cfg Config) block {
	b := block{attn: newJoint(p.Sub("attn"), last, cfg), ff: newFeedForward(p.Sub("ff"), cfg.Width), last: last}
	if dual {
		s := newSingle(p.Sub("attn2"), cfg)
		b.attn2, b.norm1 = &s, newAdaptive(p.Sub("norm1"), cfg.Width, dualParts)
	} else {
		b.norm1 = newAdaptive(p.Sub("norm1"), cfg.Width, parts)
	}
	if last {
		b.norm1Context = newAdaptive(p.Sub("norm1_context"), cfg.Width, bare)
	} else {
		b.norm1Context = newAdaptive(p.Sub("norm1_context"), cfg.Width, parts)
		b.ffContext = newFeedForward(p.Sub("ff_context"), cfg.Width)
	}
	return b
}

// forward maps image tokens x [B,N,width] and text tokens y [B,L,width] to the same shapes, to themselves where the recorder is done; the
// last block gives no text. embedded is
// silu of the embedded timestep and pooled text, [B,width].
func (b block) forward(x, y, embedded torch.Tensor, at place, r *attention.Recorder) (image, text torch.Tensor) {
	var out []torch.Tensor
	if !b.checkpoint || !torch.GradEnabled() {
		out = r.Scoped(func() []torch.Tensor { return b.run(x, y, embedded, at, r) })
	} else {
		out = r.Checkpoint(func(in []torch.Tensor, r *attention.Recorder) []torch.Tensor {
			return b.run(in[0], in[1], in[2], at, r)
		}, x, y, embedded)
	}
	if b.last {
		return out[0], torch.Tensor{}
	}
	return out[0], out[1]
}

// run gives the image's stream and, but in the last block, the text's.
func (b block) run(x, y, embedded torch.Tensor, at place, r *attention.Recorder) []torch.Tensor {
	m, c := b.norm1.forward(embedded), b.norm1Context.forward(embedded)
	normal := normalise(x)
	text := normalise(y)
	if b.last {
		text = c.modulate(text, shiftOnly, scaleOnly)
	} else {
		text = c.modulate(text, shift, scale)
	}
	h, g := b.attn.forward(m.modulate(normal, shift, scale), text, at, r)
	var own torch.Tensor
	if b.attn2 != nil && !r.Done() {
		own = b.attn2.forward(m.modulate(normal, shift2, scale2), at, r)
	}
	if r.Done() {
		if b.last {
			return []torch.Tensor{x}
		}
		return []torch.Tensor{x, y}
	}
	x = x.Add(h.Mul(m.part(gate)))
	if own.Defined() {
		x = x.Add(own.Mul(m.part(gate2)))
	}
	x = b.ff.add(x, m)
	if b.last {
		return []torch.Tensor{x}
	}
	return []torch.Tensor{x, b.ffContext.add(y.Add(g.Mul(c.part(gate))), c)}
}

// feedForward is two linear layers with the hyperbolic tangent's approximation of GELU between them.
type feedForward struct{ in, out layer.Linear }

func newFeedForward(p *weights.Params, width int64) feedForward {
	hidden := 4 * width
	if s := p.Shape("net.2.weight"); len(s) == 2 {
		hidden = s[1]
	}
	return feedForward{in: layer.NewLinear(p.Sub("net.0.proj"), width, hidden), out: layer.NewLinear(p.Sub("net.2"), hidden, width)}
}

// add gives x with what the layer makes of it added, normalised and gated by m.
func (f feedForward) add(x torch.Tensor, m modulation) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		h := m.modulate(normalise(x), shiftFF, scaleFF)
		return x.Add(f.out.Forward(f.in.Forward(h).Gelu("tanh")).Mul(m.part(gateFF)))
	})
}
