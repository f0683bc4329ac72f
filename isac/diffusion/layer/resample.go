package layer

import (
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// Upsample doubles an image by nearest neighbour and convolves it.
type Upsample struct{ conv Conv }

// NewUpsample loads "conv" below p.
func NewUpsample(p *weights.Params, channels int64) Upsample {
	return Upsample{conv: NewConv(p.Sub("conv"), channels, channels, 3, 1, 1)}
}

// Forward maps x [B,C,h,w] to [B,C,height,width]. The UNet asks for the size of the skip connection that comes next, which is one less
// than double where the level above has an odd size.
func (u Upsample) Forward(x torch.Tensor, height, width int64) torch.Tensor {
	return torch.Scoped(func() torch.Tensor { return u.conv.Forward(torch.UpsampleNearest2d(x, height, width)) })
}

// Downsample halves an image by a convolution with stride 2.
type Downsample struct {
	conv       Conv
	asymmetric bool
}

// NewDownsample loads "conv" below p. The UNet pads by one on every side; the autoencoder pads right and bottom only (asymmetric).
func NewDownsample(p *weights.Params, channels int64, asymmetric bool) Downsample {
	padding := int64(1)
	if asymmetric {
		padding = 0
	}
	return Downsample{conv: NewConv(p.Sub("conv"), channels, channels, 3, 2, padding), asymmetric: asymmetric}
}

// Forward maps x [B,C,H,W] to [B,C,ceil(H/2),ceil(W/2)] (rounded down if asymmetric).
func (d Downsample) Forward(x torch.Tensor) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		if d.asymmetric {
			x = torch.Pad(x, []int64{0, 1, 0, 1}, "constant", 0)
		}
		return d.conv.Forward(x)
	})
}
