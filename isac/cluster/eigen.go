package cluster

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"

	"github.com/isac-guidance/isac/isac/torch"
)

const (
	// eigenDense is the size up to which a matrix is decomposed in full.
	eigenDense = 96
	// eigenSpare vectors beside those asked for keep the last of them from converging slowly.
	eigenSpare = 4
	// eigenDepth is how often the matrix is applied before the basis is made small again.
	eigenDepth = 8
	// eigenRestarts bounds the work. Clusters that are worth the name take one or two; a map of noise may take all, and what it
	// then gives is as good as any other answer.
	eigenRestarts = 12
	// eigenTolerance is the residual ‖Av − λv‖, relative to the largest |λ|, at which vectors are good: a product in float32
	// is no better than some 1e-6, and clusters need much less.
	eigenTolerance = 1e-5
)

// symmetric applies a symmetric matrix [F,F] to the columns of v [F,b].
type symmetric func(v *mat.Dense) *mat.Dense

// matrixOf is a [F,F] as a symmetric: products are taken where a is, in its type.
func matrixOf(a torch.Tensor) symmetric {
	return func(v *mat.Dense) *mat.Dense {
		return product(v, func(x torch.Tensor) torch.Tensor { return a.Matmul(x.To(a.DType()).ToDevice(a.Device())) })
	}
}

// gramOf is x·xᵀ of x [F,D], which is not formed.
func gramOf(x torch.Tensor) symmetric {
	return func(v *mat.Dense) *mat.Dense {
		return product(v, func(y torch.Tensor) torch.Tensor {
			return x.Matmul(x.Transpose(0, 1).Matmul(y.To(x.DType()).ToDevice(x.Device())))
		})
	}
}

// product takes v to fn and back.
func product(v *mat.Dense, fn func(torch.Tensor) torch.Tensor) *mat.Dense {
	rows, cols := v.Dims()
	var out []float64
	torch.WithScope(func() []torch.Tensor {
		out = fn(torch.FromFloat64s(mat.DenseCopyOf(v).RawMatrix().Data, int64(rows), int64(cols))).Float64s()
		return nil
	})
	return mat.NewDense(rows, cols, out)
}

// leading gives the n largest eigenvalues of a, F×F, the largest first, and their eigenvectors [F,n], 1 ≤ n ≤ F. The same a,
// n and seed give the same vectors.
//
// Small matrices are decomposed in full. Of larger ones it builds a basis of v, Av, A²v, … of a block of vectors v, decomposes
// A within it, and starts again from the best vectors found until they are good (block Krylov with restarts). A block finds
// eigenvalues that are equal too, which a single vector would not, and those of perfect clusters are.
func leading(a symmetric, size, n int, seed uint64) ([]float64, *mat.Dense) {
	block := min(n+eigenSpare, size)
	if size <= max(eigenDense, eigenDepth*block) {
		identity := mat.NewDense(size, size, nil)
		for i := range size {
			identity.Set(i, i, 1)
		}
		return ritz(identity, a(identity), n)
	}
	r := rand.New(rand.NewPCG(seed, 1))
	start := mat.NewDense(size, block, nil)
	for i := range size {
		for j := range block {
			start.Set(i, j, r.NormFloat64())
		}
	}
	basis, applied := mat.NewDense(size, eigenDepth*block, nil), mat.NewDense(size, eigenDepth*block, nil)
	for restart := 1; ; restart++ {
		next := start
		for k := 0; k < eigenDepth*block; k += block {
			orthonormalise(next, basis.Slice(0, size, 0, k))
			put(basis, next, k)
			next = a(next)
			put(applied, next, k)
		}
		values, vectors := ritz(basis, applied, block)
		if restart == eigenRestarts || residual(a, values[:n], vectors) <= eigenTolerance {
			return values[:n], mat.DenseCopyOf(vectors.Slice(0, size, 0, n))
		}
		start = vectors
	}
}

// ritz gives the n largest eigenvalues of A within the orthonormal columns of basis [F,m], and their vectors [F,n]. applied is
// A·basis.
func ritz(basis, applied *mat.Dense, n int) ([]float64, *mat.Dense) {
	_, m := basis.Dims()
	var within mat.Dense
	within.Mul(basis.T(), applied)
	sym := mat.NewSymDense(m, nil)
	for i := range m {
		for j := i; j < m; j++ {
			sym.SetSym(i, j, (within.At(i, j)+within.At(j, i))/2)
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(sym, true) {
		// It fails for values that are not finite, which do not come here.
		panic("isac: the eigenvalues of a symmetric matrix were not found")
	}
	values := eigen.Values(nil) // ascending
	slices.Reverse(values)
	var all mat.Dense
	eigen.VectorsTo(&all)
	last := mat.NewDense(m, n, nil)
	for i := range m {
		for j := range n {
			last.Set(i, j, all.At(i, m-1-j))
		}
	}
	var vectors mat.Dense
	vectors.Mul(basis, last)
	return values[:n], &vectors
}

// residual is the largest ‖Av − λv‖ of the first vectors, one for each value, relative to the largest value.
func residual(a symmetric, values []float64, vectors *mat.Dense) float64 {
	size, _ := vectors.Dims()
	some := mat.DenseCopyOf(vectors.Slice(0, size, 0, len(values)))
	applied := a(some)
	worst := 0.0
	for j, value := range values {
		column := mat.NewVecDense(size, nil)
		column.AddScaledVec(applied.ColView(j), -value, some.ColView(j))
		worst = max(worst, column.Norm(2))
	}
	return worst / max(math.Abs(values[0]), 1e-300)
}

// orthonormalise makes the columns of v orthonormal, and orthogonal to those of basis, which are orthonormal; in place.
func orthonormalise(v *mat.Dense, basis mat.Matrix) {
	_, k := basis.Dims()
	// Where v lies almost within the basis the first time leaves rounding errors that lie in it too; a second takes those out.
	for range 2 {
		if k > 0 {
			var along, within mat.Dense
			along.Mul(basis.T(), v)
			within.Mul(basis, &along)
			v.Sub(v, &within)
		}
		qr(v.RawMatrix())
	}
}

// qr replaces a by an orthonormal basis of its columns.
func qr(a blas64.General) {
	tau := make([]float64, a.Cols)
	work := make([]float64, 64*a.Cols)
	lapack64.Geqrf(a, tau, work, len(work))
	lapack64.Orgqr(a, tau, work, len(work))
}

// put writes v into the columns of into from k on.
func put(into, v *mat.Dense, k int) {
	rows, cols := v.Dims()
	into.Slice(0, rows, k, k+cols).(*mat.Dense).Copy(v)
}
