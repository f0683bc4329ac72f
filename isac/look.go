package isac

import (
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// firstly is what has to be known before pixels are clustered.
type firstly struct {
	selfFlat, crossFlat, finite bool
	pixels                      []int
}

// firstLook reads it from the device in one piece. selfFlat and crossFlat are bool scalars, undefined where nothing is min-maxed.
func firstLook(selfFlat, crossFlat, prop, binary torch.Tensor) firstly {
	flags := func(t torch.Tensor) torch.Tensor {
		if !t.Defined() {
			return torch.Zeros([]int64{1}, torch.Float32, prop.Device())
		}
		return t.To(torch.Float32).Reshape(1)
	}
	values := torch.Cat([]torch.Tensor{
		flags(selfFlat), flags(crossFlat), flags(prop.Detach().IsFinite().All()), binary.Amax([]int64{1}, false),
	}, 0).Bools()
	return firstly{selfFlat: values[0], crossFlat: values[1], finite: values[2], pixels: pixelsOf(values[3:])}
}

// lastLook reads in one piece the columns of the masks M [F,N], and where they and those of prop [HW,k] overlap most, the masks' by their
// row; a peak is nil where there are no two.
func lastLook(masks, prop torch.Tensor) (values [][]float32, instance, class *guidance.Peak) {
	masks, prop = masks.Detach(), prop.Detach()
	n, k, size := int(masks.Size(1)), int(prop.Size(1)), int(masks.Numel())
	parts := []torch.Tensor{masks.To(torch.Float64).Reshape(-1)}
	for _, of := range []torch.Tensor{masks, prop} {
		if of.Size(1) > 1 {
			parts = append(parts, peak(of))
		}
	}
	all := torch.Cat(parts, 0).Float64s()
	values = split(all[:size], n)
	peaks := all[size:]
	if n > 1 {
		instance, peaks = peakOf(peaks, n), peaks[2:]
	}
	if k > 1 {
		class = peakOf(peaks, k)
	}
	return values, instance, class
}
