package isac

import "github.com/isac-guidance/isac/isac/torch"

// accumulate is (1)-(4): the mean over all heads of all taps of softmax(scale·q·kᵀ), each upsampled to the grid top. The result
// is SA [HW,HW] for self-attention and CA [HW,L] for cross-attention, float32, or float64 where the taps are.
//
// Averaging and upsampling are both linear, so the heads of one resolution are added up first and upsampled once: the same
// result as the paper's upsampling of every head, at the cost of one upsampling for each resolution. Upsampling is bilinear,
// half-pixel centres (align_corners = false), over queries and, for self-attention, over keys. divide then divides by δ² along
// the keys, so that rows keep the sum 1; each row of an upsampled map otherwise sums to δ².
func accumulate(taps []Tap, top grid, divide bool) torch.Tensor {
	var grids []grid
	sums := map[grid]torch.Tensor{}
	heads := int64(0)
	for _, t := range taps {
		h := t.Q.Size(1)
		m := torch.AttentionMean(t.Q, t.K, t.Scale, 0).Squeeze(0).MulScalar(float64(h)) // [hw, keys]
		g := grid{int64(t.Height), int64(t.Width)}
		if sum, ok := sums[g]; ok {
			m = sum.Add(m)
		} else {
			grids = append(grids, g)
		}
		sums[g] = m
		heads += h
	}
	var total torch.Tensor
	for _, g := range grids {
		m := sums[g]
		if g != top {
			if taps[0].Kind == SelfAttention {
				m = upsample(m, g, top)
				if divide {
					m = m.MulScalar(float64(g.pixels()) / float64(top.pixels()))
				}
			}
			m = upsample(m.Transpose(0, 1), g, top).Transpose(0, 1)
		}
		if total.Defined() {
			m = total.Add(m)
		}
		total = m
	}
	return total.DivScalar(float64(heads))
}

// upsample takes each row of m [n, hw] as an image of grid from and makes it one of grid to: [n, HW].
func upsample(m torch.Tensor, from, to grid) torch.Tensor {
	n := m.Size(0)
	image := m.Contiguous().Reshape(1, n, from.height, from.width)
	return torch.UpsampleBilinear2d(image, to.height, to.width, false).Reshape(n, to.pixels())
}
