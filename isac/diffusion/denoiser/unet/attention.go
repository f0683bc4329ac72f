package unet

import (
	"math"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// multiHead is one multi-head attention layer, "attn1" (the image to itself) or "attn2" (the image to the text).
type multiHead struct {
	name    string // the layer's path, which is its keys' prefix in the checkpoint
	kind    attention.Kind
	q, k, v layer.Linear
	out     layer.Linear
	heads   int64
	upcast  bool
}

func newMultiHead(p *weights.Params, kind attention.Kind, width, context, heads int64, upcast bool) multiHead {
	return multiHead{
		name: p.Path(), kind: kind, heads: heads, upcast: upcast,
		q: layer.NewProjection(p.Sub("to_q"), width, width), k: layer.NewProjection(p.Sub("to_k"), context, width),
		v: layer.NewProjection(p.Sub("to_v"), context, width), out: layer.NewLinear(p.Sub("to_out.0"), width, width),
	}
}

// forward maps x [B,N,width], attending to context [B,L,width of context], to [B,N,width]; the image's grid is height×width = N. The
// result is undefined where the recorder is done.
func (a multiHead) forward(x, context torch.Tensor, height, width int64, r *attention.Recorder) torch.Tensor {
	h := r.Scoped1(func() torch.Tensor {
		q, k := a.scored(x, context, height, width, r)
		if r.Done() {
			return q
		}
		v := layer.SplitHeads(a.v.Forward(context), a.heads).To(q.DType())
		return torch.SDPA(q, k, v, torch.Tensor{}, false, 0)
	})
	if r.Done() {
		return torch.Tensor{}
	}
	return torch.Scoped(func() torch.Tensor { return a.out.Forward(layer.JoinHeads(h).To(x.DType())) })
}

// scored records the layer and gives its queries and keys.
func (a multiHead) scored(x, context torch.Tensor, height, width int64, r *attention.Recorder) (q, k torch.Tensor) {
	q, k = layer.SplitHeads(a.q.Forward(x), a.heads), layer.SplitHeads(a.k.Forward(context), a.heads)
	if a.upcast && x.DType() != torch.Float64 { // scores of Stable Diffusion 2 are too large for float16
		q, k = q.To(torch.Float32), k.To(torch.Float32)
	}
	if r.On() {
		r.Add(attention.Tap{
			Name: a.name, Height: int(height), Width: int(width), Q: q, K: k, Scale: 1 / math.Sqrt(float64(q.Size(-1))),
			Keys: []attention.Segment{{Kind: a.kind, Length: int(k.Size(2))}}, Half: x.DType() == torch.Float16,
		})
	}
	return q, k
}
