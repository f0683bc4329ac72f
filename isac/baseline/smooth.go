package baseline

import (
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// smooth convolves maps [m,H,W] with the 3×3 kernel of Attend-and-Excite, its σ 0.5, reflected at the edges. The published code has
// exp(−(d/2σ)²), which is a Gaussian of the width σ√2; it is followed here. A side of one position has nothing to reflect and is left.
func smooth(maps torch.Tensor) torch.Tensor {
	return smoothAlong(smoothAlong(maps, 1), 2)
}

// smoothAlong convolves along one dimension: the kernel is a product of two.
func smoothAlong(t torch.Tensor, dim int64) torch.Tensor {
	n := t.Size(int(dim))
	if n < 2 {
		return t
	}
	near := math.Exp(-1) // d = 1
	before := torch.Cat([]torch.Tensor{t.Narrow(dim, 1, 1), t.Narrow(dim, 0, n-1)}, dim)
	after := torch.Cat([]torch.Tensor{t.Narrow(dim, 1, n-1), t.Narrow(dim, n-2, 1)}, dim)
	return t.Add(before.Add(after).MulScalar(near)).DivScalar(1 + 2*near)
}
