package isac

import "github.com/isac-guidance/isac/isac/torch"

// span is what SA was min-maxed by (14).
type span struct {
	low, high extreme
	// flat is the bool scalar of whether they are equal; undefined where SA is not min-maxed.
	flat torch.Tensor
}

func (s span) minmaxed() bool { return s.flat.Defined() }

// extreme is the smallest or the largest value of SA, and where it stands.
type extreme struct {
	value torch.Tensor // scalar
	rows  []int        // the pixels that have it in their rows
	share torch.Tensor // [rows, HW]: 1/n at each of the n elements that are equal to it
}

// extremeOf finds where value, the extreme of each row of SA being in rows [HW], stands.
func extremeOf(sa, rows, value torch.Tensor) extreme {
	e := extreme{value: value}
	if value.Item() == 0 {
		// A sum of probabilities that is 0 has underflowed in each of its terms, and then has no gradient: p·(g − Σpg).
		return e
	}
	for i, is := range rows.Eq(value).Bools() {
		if is {
			e.rows = append(e.rows, i)
		}
	}
	if len(e.rows) > 0 { // there is none in a map of NaN
		e.share = sa.IndexSelect(0, indices(e.rows, sa.Device())).Eq(value).To(sa.DType())
		e.share = e.share.Div(e.share.SumAll())
	}
	return e
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
