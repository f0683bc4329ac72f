package cluster

import (
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// affinity is what spectral clustering takes for the nearness of pixels, [F,F]: the attention that they pay each other,
// ½(SA + SAᵀ)[I,I], times exp(−½ d²) of the distance d of their coordinates [F,2], which are weighted already. Where a weight of
// 0 switches coordinates off for K-means it does so here. A pixel's attention to itself says nothing of clusters and is left out,
// as Ng, Jordan and Weiss and scikit-learn do. fg must not be negative.
func affinity(fg, at torch.Tensor) torch.Tensor {
	at = at.To(fg.DType()).ToDevice(fg.Device())
	near := torch.Cdist(at, at, 2).Square().MulScalar(-0.5).Exp()
	w := fg.Add(fg.Transpose(0, 1)).MulScalar(0.5).Mul(near)
	return w.Tril(-1).Add(w.Triu(1))
}

// spectral divides pixels into n clusters, none of them empty, by normalised spectral clustering (Ng, Jordan and Weiss 2001): of
// D^-½ W D^-½, W the affinity [F,F] and D its row sums, the n leading eigenvectors are the columns of a matrix whose rows,
// normalised, are clustered by K-means. start and opt are K-means'.
func spectral(w torch.Tensor, n int, start []int, opt Options) []int {
	_, rows := embed(w, n)
	return kmeans(plain(rows), n, start, opt)
}

// embed gives the n leading eigenvalues of the normalised affinity, and the normalised rows of its eigenvectors [F,n] in double
// precision.
func embed(w torch.Tensor, n int) ([]float64, torch.Tensor) {
	size := w.Size(0)
	// A pixel without any affinity has a row of zeros, whatever it is multiplied by.
	scale := w.Sum([]int64{1}, true).Clamp(1e-30, math.MaxFloat32).Rsqrt()
	values, vectors := leading(w.Mul(scale).Mul(scale.Transpose(0, 1)), n)
	rows := make([]float64, 0, int(size)*n)
	for i := range int(size) {
		row := vectors.RawRowView(i)
		norm := 0.0
		for _, v := range row {
			norm += v * v
		}
		for _, v := range row {
			if norm > 0 {
				v /= math.Sqrt(norm)
			}
			rows = append(rows, v)
		}
	}
	return values, torch.FromFloat64s(rows, size, int64(n))
}
