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

// minmax is (14): (A − min A)/(max A − min A) over the whole of a, with gradient through the minimum and the maximum. flat is the bool
// scalar of whether they are equal: there is then no contrast to divide by.
func minmax(a torch.Tensor) (out, flat torch.Tensor) {
	lo, hi := a.MinAll(), a.MaxAll()
	width := hi.Sub(lo)
	return a.Sub(lo).Div(width), width.Detach().EqScalar(0)
}

// normaliseSelf applies a SelfNorm to SA [HW,HW], in its place where it has no gradient.
func normaliseSelf(sa torch.Tensor, norm SelfNorm) (out torch.Tensor, s span) {
	if norm != SelfMinMax {
		return sa, s
	}
	if sa.RequiresGrad() {
		out, s.flat = minmax(sa)
		return out, s
	}
	s.low, s.high = extremesOf(sa)
	s.flat = rescale(sa, s.low.value, s.high.value)
	return sa, s
}

// rescale is minmax in a's place, of a smallest and a largest value that are known.
func rescale(a, low, high torch.Tensor) (flat torch.Tensor) {
	width := high.Sub(low)
	a.SubInPlace(low).MulInPlace(width.Reciprocal())
	return width.EqScalar(0)
}

// normaliseCross applies a CrossNorm to CA [HW,L] and gives the columns at the positions tokens, [HW, len(tokens)]. flat is minmax's,
// undefined where there is no min-max.
func normaliseCross(ca torch.Tensor, norm CrossNorm, tokens []int64) (out, flat torch.Tensor) {
	columns := func(of torch.Tensor, at []int64) torch.Tensor {
		return of.IndexSelect(1, torch.FromInt64s(at, int64(len(at))).ToDevice(of.Device()))
	}
	switch norm {
	case CrossMinMax:
		all, flat := minmax(ca)
		return columns(all, tokens), flat
	case CrossMinMaxClasses:
		return minmax(columns(ca, tokens))
	case CrossMinMaxEach:
		part := columns(ca, tokens)
		lo, hi := part.Amin([]int64{0}, true), part.Amax([]int64{0}, true)
		width := hi.Sub(lo)
		return part.Sub(lo).Div(width), width.Detach().EqScalar(0).Any()
	case CrossSoftmax:
		// The first token is left out of the softmax, so the others move down by one.
		rest := ca.Narrow(1, 1, ca.Size(1)-1).MulScalar(softmaxTemperature).Softmax(1)
		at := make([]int64, len(tokens))
		for i, p := range tokens {
			at[i] = p - 1
		}
		return columns(rest, at), flat
	}
	return columns(ca, tokens), flat
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
