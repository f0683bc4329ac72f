package layer

import (
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// Conv is a two-dimensional convolution with bias, square in kernel, stride and padding.
type Conv struct {
	weight, bias    torch.Tensor
	added           weights.LowRank
	stride, padding int64
}

// NewConv loads weight [out,in,kernel,kernel] and bias [out].
func NewConv(p *weights.Params, in, out, kernel, stride, padding int64) Conv {
	weight, added := p.Weight("weight", out, in, kernel, kernel)
	return Conv{weight: weight, added: added, bias: p.Tensor("bias", out), stride: stride, padding: padding}
}

// Forward maps x [B,in,H,W] to [B,out,H',W'].
func (c Conv) Forward(x torch.Tensor) torch.Tensor {
	if !c.added.Any() {
		return c.convolve(x, c.weight, c.bias)
	}
	return torch.Scoped(func() torch.Tensor {
		shape := c.weight.Shape()
		shape[0] = c.added.Down.Size(0)
		low := c.convolve(x, c.added.Down.Reshape(shape...), torch.Tensor{})
		up := c.added.Up.Unsqueeze(-1).Unsqueeze(-1)
		return c.convolve(x, c.weight, c.bias).Add(torch.Conv2d(low, up, torch.Tensor{}, []int64{1, 1}, []int64{0, 0}, []int64{1, 1}, 1))
	})
}

func (c Conv) convolve(x, weight, bias torch.Tensor) torch.Tensor {
	return torch.Conv2d(x, weight, bias, []int64{c.stride, c.stride}, []int64{c.padding, c.padding}, []int64{1, 1}, 1)
}
