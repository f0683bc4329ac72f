package isac

import (
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// peak is where the overlap of two masks is largest.
type peak struct {
	pixel         int // row
	first, second int // columns, first < second
}

// overlap is the largest maximum pixel-wise overlap of two columns of masks [P,n], n ≥ 2:
//
//	max_{i<j} MPO(A_i, A_j), MPO(A,B) = max_p A[p]·B[p]                                                      (6), (8), (12)
//
// a scalar with gradient, and where it is reached. The maximum is of one pixel of one pair, so it is found without gradient and
// only that product carries it. Of equal overlaps the first pixel and then the first pair counts.
func overlap(masks torch.Tensor) (torch.Tensor, peak) {
	at := findPeak(masks.Detach().Float64s(), int(masks.Size(1)))
	row := masks.Select(0, int64(at.pixel))
	return row.Select(0, int64(at.first)).Mul(row.Select(0, int64(at.second))), at
}

// findPeak looks for the largest product of two values of a row of n.
func findPeak(values []float64, n int) peak {
	best, at := math.Inf(-1), peak{second: 1}
	for p := range len(values) / n {
		row := values[p*n : (p+1)*n]
		for i := range row {
			for j := i + 1; j < n; j++ {
				if v := row[i] * row[j]; v > best {
					best, at = v, peak{p, i, j}
				}
			}
		}
	}
	return at
}
