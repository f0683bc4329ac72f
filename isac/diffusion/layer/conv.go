package layer

import (
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// Conv is a two-dimensional convolution with bias, square in kernel, stride and padding.
type Conv struct {
	weight, bias    torch.Tensor
	stride, padding int64
}

// NewConv loads weight [out,in,kernel,kernel] and bias [out].
func NewConv(p *weights.Params, in, out, kernel, stride, padding int64) Conv {
	return Conv{
		weight: p.Tensor("weight", out, in, kernel, kernel), bias: p.Tensor("bias", out),
		stride: stride, padding: padding,
	}
}

// Forward maps x [B,in,H,W] to [B,out,H',W'].
func (c Conv) Forward(x torch.Tensor) torch.Tensor {
	return torch.Conv2d(x, c.weight, c.bias, []int64{c.stride, c.stride}, []int64{c.padding, c.padding}, []int64{1, 1}, 1)
}
