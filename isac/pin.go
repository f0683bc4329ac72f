package isac

import "github.com/isac-guidance/isac/isac/torch"

// pin is an extreme (see there) of which the device alone knows where it stands, in one row.
type pin struct {
	value  torch.Tensor // scalar
	at     torch.Tensor // int64 [1], the pixel that has it in its row
	share  torch.Tensor // [1,HW]: 1/n at each of the n elements that are equal to it
	single torch.Tensor // bool scalar: it stands in no other row, or is 0
}

// pinsOf finds the smallest and the largest value of SA [HW,HW], which has no gradient.
func pinsOf(sa torch.Tensor) (low, high pin) {
	lows, highs := sa.Amin([]int64{1}, false), sa.Amax([]int64{1}, false)
	return pinOf(sa, lows, lows.Argmin(0, true)), pinOf(sa, highs, highs.Argmax(0, true))
}

func pinOf(sa, each, at torch.Tensor) pin {
	value := each.IndexSelect(0, at)
	share := sa.IndexSelect(0, at).Eq(value).To(sa.DType())
	return pin{
		value: value.Reshape(), at: at, share: share.Div(share.SumAll()),
		// A 0 has no gradient, wherever it stands: see extreme.find.
		single: each.Eq(value).To(torch.Int64).SumAll().EqScalar(1).LogicalOr(value.EqScalar(0)),
	}
}

// of is the extreme with the gradient that its row [1,HW] has.
func (p pin) of(row torch.Tensor) torch.Tensor {
	v := row.Mul(p.share).SumAll()
	return p.value.Add(v.Sub(v.Detach()))
}

// pair is where two columns of masks [HW,n] overlap most (6), which the device alone knows: int64 [1] each.
type pair struct {
	found                torch.Tensor // as peak has it
	pixel, first, second torch.Tensor
	positive             torch.Tensor // bool: they do overlap
}

// pairOf finds it, n ≥ 2 (see peak).
func pairOf(masks torch.Tensor) pair {
	n := masks.Size(1)
	found := peak(masks)
	place := found.Narrow(0, 0, 1)
	row := place.DivScalar(float64(n)).Floor() // of [HW·n,n]
	pixel := row.DivScalar(float64(n)).Floor()
	index := func(t torch.Tensor) torch.Tensor { return t.To(torch.Int64) }
	return pair{
		found: found, pixel: index(pixel), first: index(row.Sub(pixel.MulScalar(float64(n)))), second: index(place.Sub(row.MulScalar(float64(n)))),
		positive: found.Narrow(0, 1, 1).GtScalar(0),
	}
}

// product is A[p]·B[p] of the pair's columns of a row [1,n].
func (p pair) product(row torch.Tensor) torch.Tensor {
	return row.IndexSelect(1, p.first).Mul(row.IndexSelect(1, p.second)).Reshape()
}
