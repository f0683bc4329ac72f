package isac

import (
	"errors"

	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// softmaxTemperature is τ of (13).
const softmaxTemperature = 100

// errFlat says that a map has no contrast, so that min-max (14) would divide by zero.
var errFlat = errors.New("all its values are equal")

// minmax is (14): (A − min A)/(max A − min A) over the whole of a, with gradient through the minimum and the maximum. It fails
// with errFlat where they are equal.
func minmax(a torch.Tensor) (torch.Tensor, error) {
	lo, hi := a.MinAll(), a.MaxAll()
	span := hi.Sub(lo)
	if span.Item() == 0 {
		return a, errFlat
	}
	return a.Sub(lo).Div(span), nil
}

// normaliseSelf applies a SelfNorm to SA [HW,HW].
func normaliseSelf(sa torch.Tensor, norm SelfNorm) (torch.Tensor, error) {
	if norm == SelfMinMax {
		return minmax(sa)
	}
	return sa, nil
}

// normaliseCross applies a CrossNorm to CA [HW,L] and gives the columns at the positions tokens, [HW, len(tokens)].
func normaliseCross(ca torch.Tensor, norm CrossNorm, tokens []int64) (torch.Tensor, error) {
	columns := func(of torch.Tensor, at []int64) torch.Tensor {
		return of.IndexSelect(1, torch.FromInt64s(at, int64(len(at))).ToDevice(of.Device()))
	}
	switch norm {
	case CrossMinMax:
		all, err := minmax(ca)
		if err != nil {
			return all, err
		}
		return columns(all, tokens), nil
	case CrossMinMaxClasses:
		return minmax(columns(ca, tokens))
	case CrossMinMaxEach:
		part := columns(ca, tokens)
		lo, hi := part.Amin([]int64{0}, true), part.Amax([]int64{0}, true)
		span := hi.Sub(lo)
		if span.MinAll().Item() == 0 {
			return part, errFlat
		}
		return part.Sub(lo).Div(span), nil
	case CrossSoftmax:
		// The first token is left out of the softmax, so the others move down by one.
		rest := ca.Narrow(1, 1, ca.Size(1)-1).MulScalar(softmaxTemperature).Softmax(1)
		at := make([]int64, len(tokens))
		for i, p := range tokens {
			at[i] = p - 1
		}
		return columns(rest, at), nil
	}
	return columns(ca, tokens), nil
}

// mergeTokens makes one column a class of the columns of CA^prop [HW,m], which stand class by class: [HW,k].
func mergeTokens(prop torch.Tensor, classes []guidance.Class, merge TokenMerge) torch.Tensor {
	out := make([]torch.Tensor, len(classes))
	first := int64(0)
	for i, c := range classes {
		n := int64(len(c.Tokens))
		columns := prop.Narrow(1, first, n)
		if merge == MergeMax {
			out[i], _ = columns.MaxDim(1, false)
		} else {
			out[i] = columns.Mean([]int64{1}, false)
		}
		first += n
	}
	return torch.Stack(out, 1)
}
