package upscale

import (
	"context"
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

const (
	// Tile is the longest side of a tile, in pixels; leastTile that of one where memory is short.
	Tile      = 512
	leastTile = 128
	// overlap is how many pixels tiles have in common, over which one fades into the other.
	overlap = 32
)

// tiled upscales pictures [B,3,H,W] in tiles of up to side pixels, whose results are averaged where they overlap, with weights that rise from
// a tile's edges inwards.
func (m *Model) tiled(ctx context.Context, x torch.Tensor, side int64, progress func(done, all int)) (torch.Tensor, error) {
	s, scale := x.Shape(), m.network.scale()
	rows, columns := starts(s[2], side), starts(s[3], side)
	all, done := int(s[0])*len(rows)*len(columns), 0
	var err error
	out := torch.WithScope(func() []torch.Tensor {
		pictures := make([]torch.Tensor, s[0])
		for b := range pictures {
			one := x.Narrow(0, int64(b), 1).To(torch.Float32)
			pictures[b] = torch.Scoped(func() torch.Tensor {
				shape := []int64{1, s[1], s[2] * scale, s[3] * scale}
				single := len(rows) == 1 && len(columns) == 1
				var sum, weight torch.Tensor
				if !single {
					sum, weight = torch.Zeros(shape, torch.Float32, torch.CPU), torch.Zeros([]int64{1, 1, shape[2], shape[3]}, torch.Float32, torch.CPU)
				}
				for _, top := range rows {
					for _, left := range columns {
						if err = ctx.Err(); err != nil {
							return torch.Tensor{}
						}
						h, w := min(side, s[2]-top), min(side, s[3]-left)
						in := one.Narrow(2, top, h).Narrow(3, left, w)
						if single {
							sum = m.tile(in.ToDevice(m.params.Device())).ToDevice(torch.CPU).Contiguous()
						} else {
							torch.WithScope(func() []torch.Tensor {
								y := m.tile(in.ToDevice(m.params.Device())).ToDevice(torch.CPU)
								mask := ramp(h*scale, scale).Unsqueeze(1).Mul(ramp(w*scale, scale))
								at := func(t torch.Tensor) torch.Tensor {
									return t.Narrow(2, top*scale, h*scale).Narrow(3, left*scale, w*scale)
								}
								at(sum).AddInPlace(y.Mul(mask))
								at(weight).AddInPlace(mask.Expand(1, 1, h*scale, w*scale))
								return nil
							})
						}
						if done++; progress != nil {
							progress(done, all)
						}
					}
				}
				if single {
					return sum
				}
				return sum.Div(weight)
			})
			if err != nil {
				return nil
			}
		}
		return []torch.Tensor{torch.Cat(pictures, 0)}
	})
	if err != nil {
		return torch.Tensor{}, err
	}
	return out[0], nil
}

// starts are where tiles begin along a side of n pixels.
func starts(n, side int64) []int64 {
	if n <= side {
		return []int64{0}
	}
	var at []int64
	for first := int64(0); first < n-overlap; first += side - overlap {
		at = append(at, first)
	}
	return at
}

// ramp are the weights along a side of n pixels of a tile that was made scale times larger.
func ramp(n, scale int64) torch.Tensor {
	values := make([]float32, n)
	for i := range values {
		values[i] = 1
	}
	if fade := overlap * scale; fade < n {
		for t := range fade {
			a := float32(float64(t+1) / float64(fade))
			values[t] *= a
			values[n-1-t] *= a
		}
	}
	return torch.FromFloat32s(values, n)
}

// Memory is what the upscaling of pictures [B,3,H,W] takes in bytes, beside weights: the machine's, for what is made of them, and the device's
// for a tile.
func (m *Model) Memory(shape []int64) (host, device float64) {
	scale := float64(m.network.scale())
	pixels := float64(shape[2]) * float64(shape[3])
	host = 4 * scale * scale * pixels * (float64(shape[0])*2*float64(shape[1]) + float64(shape[1]) + 1)
	tile := math.Min(Tile*Tile, pixels)
	return host, 4 * tile * m.network.widest()
}
