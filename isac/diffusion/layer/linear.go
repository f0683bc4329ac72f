package layer

import (
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// Linear is y = x·Wᵀ + b over the last dimension.
type Linear struct {
	weight, bias torch.Tensor
	added        weights.LowRank
	pointwise    bool // the weight is stored as [out,in,1,1]
}

// NewLinear loads weight [out,in] and bias [out].
func NewLinear(p *weights.Params, in, out int64) Linear {
	l := NewProjection(p, in, out)
	l.bias = p.Tensor("bias", out)
	return l
}

// NewProjection loads a linear layer that has no bias.
func NewProjection(p *weights.Params, in, out int64) Linear {
	weight, added := p.Weight("weight", out, in)
	return Linear{weight: weight, added: added}
}

// NewPointwise loads a linear layer with bias that original checkpoints store as a 1×1 convolution, [out,in,1,1].
func NewPointwise(p *weights.Params, in, out int64) Linear {
	if len(p.Shape("weight")) != 4 {
		return NewLinear(p, in, out)
	}
	weight, added := p.Weight("weight", out, in, 1, 1)
	return Linear{weight: weight, added: added, bias: p.Tensor("bias", out), pointwise: true}
}

// Forward maps x [...,in] to [...,out].
func (l Linear) Forward(x torch.Tensor) torch.Tensor {
	w := l.weight
	if l.pointwise {
		w = w.Flatten(1, -1)
	}
	if !l.added.Any() {
		return torch.Linear(x, w, l.bias)
	}
	return torch.Scoped(func() torch.Tensor {
		low := torch.Linear(torch.Linear(x, l.added.Down, torch.Tensor{}), l.added.Up, torch.Tensor{})
		return torch.Linear(x, w, l.bias).Add(low)
	})
}
