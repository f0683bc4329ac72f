package cluster

import (
	"gonum.org/v1/gonum/mat"

	"github.com/isac-guidance/isac/isac/torch"
)

// leading gives the n largest eigenvalues of the symmetric matrix a [F,F], the largest first, and their eigenvectors [F,n], 1 ≤ n ≤ F,
// in double precision. It decomposes the whole of a, where it lies.
func leading(a torch.Tensor, n int) ([]float64, *mat.Dense) {
	size := a.Size(0)
	var values, vectors []float64
	torch.WithScope(func() []torch.Tensor {
		all, columns := a.To(torch.Float64).Eigh()
		last := size - int64(n)
		values = all.Narrow(0, last, int64(n)).Flip(0).Float64s()
		vectors = columns.Narrow(1, last, int64(n)).Flip(1).Contiguous().Float64s()
		return nil
	})
	return values, mat.NewDense(int(size), n, vectors)
}
