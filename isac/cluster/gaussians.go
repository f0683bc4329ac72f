package cluster

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/isac-guidance/isac/isac/torch"
)

const (
	// ridge times the mean variance of the data is added to the variances of every Gaussian, so that one that has shrunk to a
	// few pixels stays one.
	ridge = 1e-3
	// emTolerance is the gain in mean log-likelihood of one iteration below which EM ends.
	emTolerance = 1e-3
)

// gaussians divides the rows of x [F,D] into n clusters, none of them empty, 1 ≤ n ≤ F: each row belongs to the likeliest
// component of a mixture of n Gaussians with full covariances.
//
// A covariance of all D = F+2 columns cannot be estimated from F rows, so the mixture is of the n+1 leading principal
// components: the means of n clusters span at most n−1 dimensions, and the coordinates two. It is fitted by EM from the clusters
// of K-means, which start and opt are for, so that an instance keeps its number here too. The same x, start and opt give the
// same clusters.
func gaussians(x torch.Tensor, n int, start []int, opt Options) []int {
	labels := kmeans(plain(x), n, start, opt)
	m := newMixture(principal(x, min(n+1, int(x.Size(0)))), labels, n)
	m.fit(opt.Iterations)
	return m.labels()
}

// principal gives the k leading principal components of the rows of x [F,D]: [F,k], k ≤ F.
func principal(x torch.Tensor, k int) *mat.Dense {
	centred := x.Sub(x.Mean([]int64{0}, true))
	values, vectors := leading(centred.Matmul(centred.Transpose(0, 1)), k)
	for j, v := range values {
		column := vectors.ColView(j).(*mat.VecDense)
		column.ScaleVec(math.Sqrt(max(v, 0)), column)
	}
	return vectors
}

// mixture is a mixture of Gaussians and what it says of the rows that it was fitted to.
type mixture struct {
	x     *mat.Dense // [F,d]
	n     int
	ridge float64     // added to every variance
	share [][]float64 // [F][n], how much of a row belongs to each component
	parts []gaussian
}

// gaussian is one component: its density is weight·N(mean, covariance).
type gaussian struct {
	mean    []float64
	whiten  *mat.TriDense // L⁻¹ of the covariance L·Lᵀ, [d,d]
	logNorm float64       // of the density at the mean
}

// newMixture starts from clusters: each is one component.
func newMixture(x *mat.Dense, labels []int, n int) *mixture {
	rows, cols := x.Dims()
	m := &mixture{x: x, n: n, share: make([][]float64, rows), parts: make([]gaussian, n)}
	for i, l := range labels {
		m.share[i] = make([]float64, n)
		m.share[i][l] = 1
	}
	for j := range cols {
		mean, square := 0.0, 0.0
		for i := range rows {
			v := x.At(i, j) / float64(rows)
			mean += v
			square += v * x.At(i, j)
		}
		m.ridge += (square - mean*mean) / float64(cols)
	}
	if m.ridge = ridge * m.ridge; !(m.ridge > 0) {
		m.ridge = 1 // all rows are equal: any will do
	}
	m.maximise()
	return m
}

// fit takes at most so many iterations of EM and gives the mean log-likelihood of the rows before the last of them.
func (m *mixture) fit(iterations int) float64 {
	before := math.Inf(-1)
	for range iterations {
		now := m.expect()
		m.maximise()
		if now-before < emTolerance {
			return now
		}
		before = now
	}
	return before
}

// labels gives each row its likeliest component, the first of equals. A component that no row likes best takes the row that it
// is likeliest to have made, out of a cluster that has others.
func (m *mixture) labels() []int {
	m.expect()
	out, count := make([]int, len(m.share)), make([]int, m.n)
	for i, share := range m.share {
		for c, v := range share {
			if v > share[out[i]] {
				out[i] = c
			}
		}
		count[out[i]]++
	}
	for c := range count {
		if count[c] > 0 {
			continue
		}
		best := -1
		for i, share := range m.share {
			if count[out[i]] > 1 && (best < 0 || share[c] > m.share[best][c]) {
				best = i
			}
		}
		count[out[best]]--
		out[best], count[c] = c, 1
	}
	return out
}

// expect is EM's E step: it shares each row out to the components by their densities there, and gives the mean log-likelihood.
func (m *mixture) expect() float64 {
	sum := 0.0
	for i, share := range m.share {
		row := m.x.RawRowView(i)
		most := math.Inf(-1)
		for c, part := range m.parts {
			share[c] = part.logDensity(row)
			most = max(most, share[c])
		}
		total := 0.0
		for _, v := range share {
			total += math.Exp(v - most)
		}
		all := most + math.Log(total)
		for c, v := range share {
			share[c] = math.Exp(v - all)
		}
		sum += all
	}
	return sum / float64(len(m.share))
}

// maximise is EM's M step: each component becomes the Gaussian of its shares of the rows.
func (m *mixture) maximise() {
	rows, cols := m.x.Dims()
	for c := range m.parts {
		weight, mean := 0.0, make([]float64, cols)
		for i, share := range m.share {
			weight += share[c]
			for j, v := range m.x.RawRowView(i) {
				mean[j] += share[c] * v
			}
		}
		if weight < 1e-9 { // it has lost its rows, and cannot be told any more: see labels
			m.parts[c].logNorm = math.Inf(-1)
			continue
		}
		covariance := mat.NewSymDense(cols, nil)
		for j := range mean {
			mean[j] /= weight
		}
		away := mat.NewVecDense(cols, nil)
		for i, share := range m.share {
			for j, v := range m.x.RawRowView(i) {
				away.SetVec(j, v-mean[j])
			}
			covariance.SymRankOne(covariance, share[c]/weight, away)
		}
		for j := range mean {
			covariance.SetSym(j, j, covariance.At(j, j)+m.ridge)
		}
		m.parts[c] = newGaussian(mean, covariance, weight/float64(rows))
	}
}

// newGaussian prepares a component.
func newGaussian(mean []float64, covariance *mat.SymDense, weight float64) gaussian {
	d := len(mean)
	var factor mat.Cholesky
	if !factor.Factorize(covariance) {
		// With the ridge on its diagonal it is positive definite.
		panic("isac: the covariance of a Gaussian is not positive definite")
	}
	lower, whiten := mat.NewTriDense(d, mat.Lower, nil), mat.NewTriDense(d, mat.Lower, nil)
	factor.LTo(lower)
	if err := whiten.InverseTri(lower); err != nil {
		if _, poor := err.(mat.Condition); !poor { // a poor condition is what the ridge bounds
			panic("isac: " + err.Error())
		}
	}
	return gaussian{mean: mean, whiten: whiten, logNorm: math.Log(weight) - 0.5*(factor.LogDet()+float64(d)*math.Log(2*math.Pi))}
}

// logDensity is the logarithm of the component's density at a row.
func (g gaussian) logDensity(row []float64) float64 {
	square := 0.0
	for i := range row {
		v := 0.0
		for j, w := range g.whiten.RawTriangular().Data[i*len(row) : i*len(row)+i+1] {
			v += w * (row[j] - g.mean[j])
		}
		square += v * v
	}
	return g.logNorm - 0.5*square
}
