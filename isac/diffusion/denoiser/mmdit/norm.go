package mmdit

import (
	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// eps is that of all norms: layer norms without weights, and those of queries and keys.
const eps = 1e-6

// adaptive makes the shifts, scales and gates of a block's norms from the embedded timestep and text: one linear layer.
type adaptive struct {
	linear layer.Linear
	width  int64
}

// newAdaptive loads linear.weight [parts·width,width] and linear.bias.
func newAdaptive(p *weights.Params, width, parts int64) adaptive {
	return adaptive{linear: layer.NewLinear(p.Sub("linear"), width, parts*width), width: width}
}

// forward maps silu of the embedding [B,width] to all parts in one, [B,1,parts·width].
func (a adaptive) forward(embedded torch.Tensor) modulation {
	return modulation{values: a.linear.Forward(embedded).Unsqueeze(1), width: a.width}
}

// modulation is what an adaptive norm made of one embedding.
type modulation struct {
	values torch.Tensor // [B,1,parts·width]
	width  int64
}

// part is one shift, scale or gate, [B,1,width].
func (m modulation) part(i int64) torch.Tensor { return m.values.Narrow(2, i*m.width, m.width) }

// modulate is x·(1+scale)+shift for normalised tokens x [B,N,width]; shift and scale are numbers of parts.
func (m modulation) modulate(x torch.Tensor, shift, scale int64) torch.Tensor {
	return x.Mul(m.part(scale).AddScalar(1)).Add(m.part(shift))
}

// normalise is a layer norm without weights over the last dimension.
func normalise(x torch.Tensor) torch.Tensor {
	return torch.LayerNorm(x, []int64{x.Size(-1)}, torch.Tensor{}, torch.Tensor{}, eps)
}
