package isac

import (
	"math"

	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// klFloor is added to the shares of a mask before their logarithm: far below the share that a pixel of an even mask has on any
// grid (1/16384 on 128×128), far above where float32 ends.
const klFloor = 1e-8

// overlap is the largest overlap of two columns of masks [P,n], n ≥ 2, for (8) and (12): a scalar, with gradient. Only the pair
// that overlaps most carries it, so that pair is found without gradient. Of equal overlaps the first counts. at is their peak.
func overlap(masks torch.Tensor, kind Overlap, at guidance.Peak) torch.Tensor {
	if kind == OverlapMPO {
		return product(masks.Narrow(0, int64(at.Pixel), 1), at) // one pixel of the pair decides, and it alone has a gradient
	}
	between := func(i, j int64) torch.Tensor { return kind.between(masks.Select(1, i), masks.Select(1, j)) }
	var first, second int64
	most := math.Inf(-1)
	n := masks.Size(1)
	torch.NoGrad(func() {
		for i := range n {
			for j := i + 1; j < n; j++ {
				v := torch.Scoped(func() torch.Tensor { return between(i, j) }).Item()
				if v > most || math.IsNaN(v) {
					most, first, second = v, i, j
				}
				if math.IsNaN(v) {
					return // so that the loss says so
				}
			}
		}
	})
	return between(first, second)
}

// between is the overlap of two masks [P], a scalar, for every kind but MPO.
func (o Overlap) between(a, b torch.Tensor) torch.Tensor {
	switch o {
	case OverlapMAE:
		return a.Sub(b).Abs().MeanAll().Neg().AddScalar(1)
	case OverlapKL:
		// KL(a‖b) + KL(b‖a) = Σ (a − b)(log a − log b)
		a, b = a.Div(a.SumAll()), b.Div(b.SumAll())
		return a.Sub(b).Mul(a.AddScalar(klFloor).Log().Sub(b.AddScalar(klFloor).Log())).SumAll().MulScalar(-0.5)
	default:
		return a.Minimum(b).SumAll().Div(a.Maximum(b).SumAll())
	}
}

// peak finds where two columns of masks [P,n], n ≥ 2, none of them negative, without gradient, overlap most: MPO of all pairs (6). It gives,
// in double precision and where masks are, the place in [P,n,n] and the product there, [2]. Of equal products the first row and then the
// first pair counts.
func peak(masks torch.Tensor) torch.Tensor {
	wide := masks.To(torch.Float64)
	products := wide.Unsqueeze(2).Mul(wide.Unsqueeze(1)).Triu(1).Reshape(-1) // the others are 0: see peakOf
	at := products.Argmax(0, true)
	return torch.Cat([]torch.Tensor{at.To(torch.Float64), products.IndexSelect(0, at)}, 0)
}

// peakOf reads what peak found in n columns; Pixel is the row. Where nothing overlaps the first of equal products is any place's.
func peakOf(found []float64, n int) *guidance.Peak {
	place := int(found[0])
	if found[1] == 0 {
		place = 1
	}
	return &guidance.Peak{Pixel: place / (n * n), First: place / n % n, Second: place % n, Value: found[1]}
}
