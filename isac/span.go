package isac

import "github.com/isac-guidance/isac/isac/torch"

// span is what SA was min-maxed by (14).
type span struct {
	low, high extreme
	// flat is the bool scalar of whether they are equal; undefined where SA is not min-maxed.
	flat torch.Tensor
}

func (s span) minmaxed() bool { return s.flat.Defined() }

// undo makes of rows of the min-maxed SA, which it may change, those of SA.
func (s span) undo(rows torch.Tensor) torch.Tensor {
	if !s.minmaxed() {
		return rows
	}
	return rows.MulInPlace(s.high.value.Sub(s.low.value)).AddInPlace(s.low.value)
}

// extreme is the smallest or the largest value of SA, and where it stands.
type extreme struct {
	value torch.Tensor // scalar
	rows  []int        // the pixels that have it in their rows
	share torch.Tensor // [rows, HW]: 1/n at each of the n elements that are equal to it
}

// extremesOf finds the smallest and the largest value of SA [HW,HW], which has no gradient, and where they stand.
func extremesOf(sa torch.Tensor) (low, high extreme) {
	lows, highs := sa.Amin([]int64{1}, false), sa.Amax([]int64{1}, false)
	low.value, high.value = lows.MinAll(), highs.MaxAll()
	row := func(t torch.Tensor) torch.Tensor { return t.To(torch.Float32).Reshape(-1) }
	values := torch.Cat([]torch.Tensor{row(low.value.EqScalar(0)), row(high.value.EqScalar(0)), row(lows.Eq(low.value)), row(highs.Eq(high.value))}, 0).Bools()
	n := (len(values) - 2) / 2
	low.find(sa, values[0], values[2:2+n])
	high.find(sa, values[1], values[2+n:])
	return low, high
}

// find sets where the value stands: in some of the rows marked in.
func (e *extreme) find(sa torch.Tensor, zero bool, in []bool) {
	if zero {
		return // a sum of probabilities that is 0 has underflowed in each of its terms, and then has no gradient: p·(g − Σpg)
	}
	if e.rows = pixelsOf(in); len(e.rows) > 0 { // there is none in a map of NaN
		e.share = sa.IndexSelect(0, indices(e.rows, sa.Device())).Eq(e.value).To(sa.DType())
		e.share = e.share.Div(e.share.SumAll())
	}
}

// of is the extreme with gradient, shared evenly among equals as autograd does it, of the rows of SA at pixels, which are sorted.
func (e extreme) of(rows torch.Tensor, pixels []int) torch.Tensor {
	if !e.share.Defined() {
		return e.value
	}
	at := make([]int, 0, len(e.rows))
	for i, p := range pixels {
		if len(at) < len(e.rows) && p == e.rows[len(at)] {
			at = append(at, i)
		}
	}
	return rows.IndexSelect(0, indices(at, rows.Device())).Mul(e.share).SumAll()
}
