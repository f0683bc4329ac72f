package isac

import "github.com/isac-guidance/isac/isac/torch"

// foreground is (9) and I of (10): the pixels, in row-major order, at which some column of CA^prop [HW,k] is above its own mean.
func foreground(prop torch.Tensor) []int {
	var pixels []int
	torch.NoGrad(func() {
		p := prop.Detach()
		for i, in := range p.Gt(p.Mean([]int64{0}, true)).To(torch.Float32).Amax([]int64{1}, false).Bools() {
			if in {
				pixels = append(pixels, i)
			}
		}
	})
	return pixels
}

// crop is SA[I,I] (11), [F,F].
func crop(sa torch.Tensor, pixels []int) torch.Tensor {
	at := make([]int64, len(pixels))
	for i, p := range pixels {
		at[i] = int64(p)
	}
	index := torch.FromInt64s(at, int64(len(at))).ToDevice(sa.Device())
	return sa.IndexSelect(0, index).IndexSelect(1, index)
}
