package isac

import "github.com/isac-guidance/isac/isac/torch"

// binarise is CA^bin (9) of CA^prop [HW,k]: 1 where a column is above its own mean, else 0, without gradient.
func binarise(prop torch.Tensor) torch.Tensor {
	p := prop.Detach()
	return p.Gt(p.Mean([]int64{0}, true)).To(torch.Float32)
}

// foreground is I of (10): the pixels, in row-major order, at which some column of binary [HW,k] is 1.
func foreground(binary torch.Tensor) []int { return pixelsOf(binary.Amax([]int64{1}, false).Bools()) }

func pixelsOf(in []bool) []int {
	var pixels []int
	for i, is := range in {
		if is {
			pixels = append(pixels, i)
		}
	}
	return pixels
}

// crop is SA[I,I] (11), [F,F].
func crop(sa torch.Tensor, pixels []int) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		index := indices(pixels, sa.Device())
		return sa.IndexSelect(0, index).IndexSelect(1, index)
	})
}
