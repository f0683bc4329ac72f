package vae

import (
	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// attention is single-head self-attention over all pixels, added to what came in.
type attention struct {
	norm         layer.GroupNorm
	q, k, v, out layer.Linear
}

func newAttention(p *weights.Params, channels, groups int64) *attention {
	return &attention{
		norm: layer.NewGroupNorm(p.Sub("group_norm"), channels, groups, eps),
		q:    layer.NewPointwise(p.Sub("to_q"), channels, channels), k: layer.NewPointwise(p.Sub("to_k"), channels, channels),
		v: layer.NewPointwise(p.Sub("to_v"), channels, channels), out: layer.NewPointwise(p.Sub("to_out.0"), channels, channels),
	}
}

// forward maps x [B,C,H,W] to the same shape.
func (a *attention) forward(x torch.Tensor) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		h := a.norm.Forward(x).Flatten(2, 3).Transpose(1, 2) // [B,H·W,C]
		h = torch.SDPA(layer.SplitHeads(a.q.Forward(h), 1), layer.SplitHeads(a.k.Forward(h), 1), layer.SplitHeads(a.v.Forward(h), 1),
			torch.Tensor{}, false, 0)
		return layer.AddTokens(x, a.out.Forward(layer.JoinHeads(h)))
	})
}
