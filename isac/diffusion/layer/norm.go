package layer

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// GroupNorm normalises groups of channels of [B,C,H,W].
type GroupNorm struct {
	weight, bias torch.Tensor
	groups       int64
	eps          float64
}

// NewGroupNorm loads weight [channels] and bias [channels]. How many groups there are cannot be seen in the weights.
func NewGroupNorm(p *weights.Params, channels, groups int64, eps float64) GroupNorm {
	if groups < 1 || channels%groups != 0 {
		p.Fail(fmt.Errorf("%s: %d channels cannot be normalised in %d groups: set norm_num_groups in the model's config.json to what it was trained with",
			p.Path(), channels, groups))
	}
	return GroupNorm{weight: p.Tensor("weight", channels), bias: p.Tensor("bias", channels), groups: groups, eps: eps}
}

// Forward normalises x [B,C,H,W].
func (n GroupNorm) Forward(x torch.Tensor) torch.Tensor {
	return torch.GroupNorm(x, n.groups, n.weight, n.bias, n.eps)
}

// Activated is silu of Forward, whose gradient keeps x alone.
func (n GroupNorm) Activated(x torch.Tensor) torch.Tensor {
	return torch.GroupNormSilu(x, n.groups, n.weight, n.bias, n.eps)
}

// LayerNorm normalises the last dimension.
type LayerNorm struct {
	weight, bias torch.Tensor
	width        int64
	eps          float64
}

// NewLayerNorm loads weight [width] and bias [width].
func NewLayerNorm(p *weights.Params, width int64, eps float64) LayerNorm {
	return LayerNorm{weight: p.Tensor("weight", width), bias: p.Tensor("bias", width), width: width, eps: eps}
}

// Forward normalises x [...,width].
func (n LayerNorm) Forward(x torch.Tensor) torch.Tensor {
	return torch.LayerNorm(x, []int64{n.width}, n.weight, n.bias, n.eps)
}
