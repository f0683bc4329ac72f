package layer

import (
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// Tiles says how images are cut into tiles that overlap, in pixels of what comes in: a tile's sides, and what neighbours share along each.
// Overlap is less than either side.
type Tiles struct{ Width, Height, Overlap int64 }

// Blend maps x [B,C,H,W] to [B,channels,H·scale,W·scale], float32, on the CPU, by fn, which maps tiles [1,C,h,w]. Where tiles lie over each
// other the result is their mean, with weights that fall to the tiles' edges. It ends with the first error of fn.
func (t Tiles) Blend(x torch.Tensor, scale float64, channels int64, fn func(tile torch.Tensor) (torch.Tensor, error)) (torch.Tensor, error) {
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
		rows, columns := starts(height, t.Height, t.Overlap), starts(width, t.Width, t.Overlap)
		single := len(rows) == 1 && len(columns) == 1
		for b := range s[0] {
			for _, row := range rows {
				for _, column := range columns {
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

// Count is how many tiles Blend cuts an image of height×width into.
func (t Tiles) Count(height, width int64) int {
	return len(starts(height, t.Height, t.Overlap)) * len(starts(width, t.Width, t.Overlap))
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
