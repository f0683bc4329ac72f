package layer

import (
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// Resnet is the residual block of the UNet and of the autoencoder: norm, silu, convolution, twice, with the timestep added between
// (UNet only) and a 1×1 convolution on the way round where the number of channels changes.
type Resnet struct {
	norm1, norm2 GroupNorm
	conv1, conv2 Conv
	time         Linear
	shortcut     Conv
	timed, wider bool
}

// NewResnet loads a block from in to out channels. time is the width of the timestep embedding, 0 for none.
func NewResnet(p *weights.Params, in, out, time, groups int64, eps float64) Resnet {
	r := Resnet{
		norm1: NewGroupNorm(p.Sub("norm1"), in, groups, eps), conv1: NewConv(p.Sub("conv1"), in, out, 3, 1, 1),
		norm2: NewGroupNorm(p.Sub("norm2"), out, groups, eps), conv2: NewConv(p.Sub("conv2"), out, out, 3, 1, 1),
		timed: time > 0, wider: in != out,
	}
	if r.timed {
		r.time = NewLinear(p.Sub("time_emb_proj"), time, out)
	}
	if r.wider {
		r.shortcut = NewConv(p.Sub("conv_shortcut"), in, out, 1, 1, 0)
	}
	return r
}

// Forward maps x [B,in,H,W] to [B,out,H,W]. temb is silu of the timestep embedding, [B or 1,time]; it is not read by a block that was
// built without one. Everything made on the way is freed.
func (r Resnet) Forward(x, temb torch.Tensor) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		first := convolved(r.norm1, r.conv1, x)
		if r.timed {
			first.AddInPlace(r.time.Forward(temb).Unsqueeze(-1).Unsqueeze(-1))
		}
		h := convolved(r.norm2, r.conv2, first)
		first.Close()
		if r.wider {
			x = r.shortcut.Forward(x)
		}
		return h.AddInPlace(x)
	})
}

// convolved is half a block. What is made on the way is freed as soon as nothing reads it, for of a large image each is much.
func convolved(norm GroupNorm, conv Conv, x torch.Tensor) torch.Tensor {
	h := norm.Activated(x)
	defer h.Close()
	return conv.Forward(h)
}
