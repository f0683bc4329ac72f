package vae

import (
	"context"
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/torch"
)

// Tiles says how a picture is cut into tiles, in pixels of what comes in: those of the latent to decode, those of the image to encode.
type Tiles struct {
	// Width and Height are a tile's, Overlap is what neighbours share along each side.
	Width, Height, Overlap int64
}

// check holds that tiles go on: the halves that passes takes have to be wider than what they share.
func (t Tiles) check() error {
	if least := min(t.Width, t.Height) / 2; t.Overlap < 0 || least <= t.Overlap {
		return fmt.Errorf("vae: tiles of %d×%d that share %d: expected an overlap of at least 0 and less than half of a side: make tiles larger or the overlap smaller",
			t.Width, t.Height, t.Overlap)
	}
	return nil
}

// passes are three ways to cut with tiles of one area: seams of one lie within tiles of the others. ComfyUI takes them in this order.
func (t Tiles) passes() [3]Tiles {
	return [3]Tiles{
		{t.Width / 2, t.Height * 2, t.Overlap},
		{t.Width * 2, t.Height / 2, t.Overlap},
		t,
	}
}

// DecodeTiled is Decode in overlapping tiles, which need the memory of one tile only. It gives float32 on the CPU, [B,3,h·f,w·f]. As in
// ComfyUI's VAEDecodeTiled it is the mean of three ways to cut, in each of which tiles fade into their neighbours. It is not Decode's picture:
// group norms and the attention at the bottom see one tile where Decode sees the picture, so that each tile has a brightness and contrast
// slightly its own; and within the receptive field of a seam a tile does not know what lies beyond. A latent that is no larger than any
// of the three tiles gives Decode's. It stops between two tiles with ctx's error once ctx is done.
func (m *Model) DecodeTiled(ctx context.Context, z torch.Tensor, t Tiles) (torch.Tensor, error) {
	return m.tiled(ctx, z, t, float64(m.Config.Factor()), m.Config.ImageChannels, func(x torch.Tensor) (torch.Tensor, error) { return m.Decode(x), nil })
}

// EncodeTiled is Encode in overlapping tiles, which need the memory of one tile only, as ComfyUI's VAEEncodeTiled has it. It gives float32
// on the CPU, [B,latent,H/f,W/f]. What is said of DecodeTiled holds here too.
func (m *Model) EncodeTiled(ctx context.Context, images torch.Tensor, t Tiles) (torch.Tensor, error) {
	return m.tiled(ctx, images, t, 1/float64(m.Config.Factor()), m.Config.LatentChannels, m.Encode)
}

// tiled is the mean of the three ways to cut x [B,C,H,W].
func (m *Model) tiled(ctx context.Context, x torch.Tensor, t Tiles, scale float64, channels int64, fn func(torch.Tensor) (torch.Tensor, error)) (torch.Tensor, error) {
	if err := t.check(); err != nil {
		return torch.Tensor{}, err
	}
	var err error
	out := torch.Scoped(func() torch.Tensor {
		var sum torch.Tensor
		for _, cut := range t.passes() {
			one, wrong := layer.Tiles(cut).Blend(x, scale, channels, func(tile torch.Tensor) (torch.Tensor, error) {
				if err := ctx.Err(); err != nil {
					return torch.Tensor{}, err
				}
				return fn(tile.To(m.DType()).ToDevice(m.Device()).Contiguous())
			})
			if err = wrong; err != nil {
				return torch.Tensor{}
			}
			if !sum.Defined() {
				sum = one
				continue
			}
			sum.AddInPlace(one)
			one.Close()
		}
		return sum.MulInPlaceScalar(1.0 / 3)
	})
	return out, err
}
