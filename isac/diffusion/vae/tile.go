package vae

import (
	"context"
	"fmt"
	"math"

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
			one, wrong := blend(x, cut, scale, channels, func(tile torch.Tensor) (torch.Tensor, error) {
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

// blend maps x [B,C,H,W] to [B,channels,H·scale,W·scale] by fn, which maps tiles. Where tiles lie over each other the result is their mean,
// with weights that fall to the tiles' edges. It is float32, on the CPU.
func blend(x torch.Tensor, t Tiles, scale float64, channels int64, fn func(torch.Tensor) (torch.Tensor, error)) (torch.Tensor, error) {
	var err error
	s := x.Shape()
	height, width := s[2], s[3]
	scaled := func(n int64) int64 { return int64(math.RoundToEven(float64(n) * scale)) }
	out := torch.Scoped(func() torch.Tensor {
		evaluate := func(tile torch.Tensor) torch.Tensor {
			var y torch.Tensor
			if y, err = fn(tile); err != nil {
				return torch.Tensor{}
			}
			return y.To(torch.Float32).ToDevice(torch.CPU)
		}
		shape := []int64{s[0], channels, scaled(height), scaled(width)}
		sum := torch.Zeros(shape, torch.Float32, torch.CPU)
		weight := torch.Zeros([]int64{1, 1, shape[2], shape[3]}, torch.Float32, torch.CPU) // of all images alike
		single := height <= t.Height && width <= t.Width
		for b := range s[0] {
			for _, row := range starts(height, t.Height, t.Overlap) {
				for _, column := range starts(width, t.Width, t.Overlap) {
					torch.WithScope(func() []torch.Tensor {
						tile := x.Narrow(0, b, 1).Narrow(2, row, min(t.Height, height-row)).Narrow(3, column, min(t.Width, width-column))
						y := torch.Scoped(func() torch.Tensor { return evaluate(tile) })
						if err != nil {
							return nil
						}
						if single {
							sum.Narrow(0, b, 1).CopyFrom(y)
							return nil
						}
						at := func(all torch.Tensor) torch.Tensor {
							return all.Narrow(2, scaled(row), y.Size(2)).Narrow(3, scaled(column), y.Size(3))
						}
						mask := feathered(y.Size(2), scaled(t.Overlap)).Unsqueeze(1).Mul(feathered(y.Size(3), scaled(t.Overlap)))
						at(sum.Narrow(0, b, 1)).AddInPlace(y.Mul(mask))
						if b == 0 {
							at(weight).AddInPlace(mask)
						}
						return nil
					})
					if err != nil {
						return torch.Tensor{}
					}
				}
			}
		}
		if single {
			return sum
		}
		return sum.MulInPlace(weight.Reciprocal())
	})
	return out, err
}

// starts is where tiles of a length begin along a side.
func starts(side, tile, overlap int64) []int64 {
	if side <= tile {
		return []int64{0}
	}
	var at []int64
	for i := int64(0); i < side-overlap; i += tile - overlap {
		at = append(at, i)
	}
	return at
}

// feathered are the weights [n] along a tile's side: they rise to 1 over so many pixels from both ends. A side that is no longer than that
// has 1 everywhere, as in ComfyUI.
func feathered(n, overlap int64) torch.Tensor {
	w := make([]float32, n)
	for i := range w {
		w[i] = 1
	}
	if overlap < n {
		for i := range overlap {
			a := float32(i+1) / float32(overlap)
			w[i] *= a
			w[n-1-i] *= a
		}
	}
	return torch.FromFloat32s(w, n)
}
