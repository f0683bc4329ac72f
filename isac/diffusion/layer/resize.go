package layer

import (
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// NearestExact brings x [B,C,H,W] to height×width: it takes the values whose centres are nearest to the new ones', as PyTorch's
// nearest-exact does.
func NearestExact(x torch.Tensor, height, width int64) torch.Tensor {
	for i, length := range []int64{height, width} {
		dim := 2 + i
		old := x.Size(dim)
		scale := float32(old) / float32(length)
		at := make([]int64, length)
		for i := range at {
			at[i] = min(int64((float32(i)+0.5)*scale), old-1)
		}
		x = x.IndexSelect(int64(dim), torch.FromInt64s(at, length).ToDevice(x.Device()))
	}
	return x
}

// Middle is the largest part of x [B,C,H,W] around its middle that has the shape of height×width, as ComfyUI's crop "center" cuts it: a view
// of x.
func Middle(x torch.Tensor, height, width int64) torch.Tensor {
	h, w := float64(x.Size(2)), float64(x.Size(3))
	have, want := w/h, float64(width)/float64(height)
	top, left := int64(0), int64(0)
	switch {
	case have > want:
		left = int64(math.RoundToEven((w - w*(want/have)) / 2))
	case have < want:
		top = int64(math.RoundToEven((h - h*(have/want)) / 2))
	}
	return x.Narrow(2, top, x.Size(2)-2*top).Narrow(3, left, x.Size(3)-2*left)
}
