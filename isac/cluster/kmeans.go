package cluster

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/isac-guidance/isac/isac/torch"
)

// kmeans divides the rows of x [F,D] into n clusters, none of them empty, 1 ≤ n ≤ F, and gives the cluster of each row. It is
// Lloyd's iteration from k-means++ starts, the tightest of opt.Restarts, or from the clusters start (-1 for a row that has
// none) if that is not nil. The same x, start and opt give the same clusters.
//
// Distances and centroids are two matrix products an iteration, so that it runs where x is; only [F,n] values come to Go.
func kmeans(x torch.Tensor, n int, start []int, opt Options) []int {
	l := &lloyd{x: x, n: n, norms: x.Square().Sum([]int64{1}, false).Float64s(), rng: rand.New(rand.NewPCG(opt.Seed, 0))}
	if start != nil {
		labels, _ := l.run(start, opt.Iterations)
		return labels
	}
	var best []int
	tightest := math.Inf(1)
	none := slices.Repeat([]int{-1}, int(x.Size(0)))
	for range opt.Restarts {
		labels, inertia := l.run(none, opt.Iterations)
		if best == nil || inertia < tightest {
			best, tightest = labels, inertia
		}
	}
	return best
}

// lloyd is one clustering while it lasts.
type lloyd struct {
	x     torch.Tensor // [F,D]
	n     int
	norms []float64 // ‖x_i‖²
	rng   *rand.Rand
}

// run iterates from the clusters that start has, seeding those that it lacks, and gives labels and the sum of squared
// distances.
func (l *lloyd) run(start []int, iterations int) ([]int, float64) {
	labels := start
	inertia := 0.0
	torch.WithScope(func() []torch.Tensor {
		centroids := l.seed(start)
		for range iterations {
			var next []int
			next, inertia = l.assign(centroids)
			if slices.Equal(next, labels) {
				break
			}
			labels = next
			centroids = torch.Scoped(func() torch.Tensor { return l.centroids(labels, l.n) })
		}
		return nil
	})
	return labels, inertia
}

// centroids are the means of the rows of each of n clusters that have one, [n,D]; rows of label -1 belong to none.
func (l *lloyd) centroids(labels []int, n int) torch.Tensor {
	count := make([]int, n)
	for _, c := range labels {
		if c >= 0 {
			count[c]++
		}
	}
	weights := make([]float32, n*len(labels))
	for i, c := range labels {
		if c >= 0 {
			weights[c*len(labels)+i] = 1 / float32(count[c])
		}
	}
	w := torch.FromFloat32s(weights, int64(n), int64(len(labels))).To(l.x.DType()).ToDevice(l.x.Device())
	return w.Matmul(l.x)
}

// distances are the squared distances of all rows to centroids [m,D], row by row.
func (l *lloyd) distances(centroids torch.Tensor) []float64 {
	m := int(centroids.Size(0))
	var cross, norms []float64
	torch.WithScope(func() []torch.Tensor {
		cross = l.x.Matmul(centroids.Transpose(0, 1)).Float64s()
		norms = centroids.Square().Sum([]int64{1}, false).Float64s()
		return nil
	})
	for i := range cross {
		cross[i] = max(0, l.norms[i/m]-2*cross[i]+norms[i%m])
	}
	return cross
}

// assign gives each row its nearest centroid, the first of equals, and the sum of squared distances. A centroid that no row is
// nearest to takes the row that lies farthest from its own, out of a cluster that has others.
func (l *lloyd) assign(centroids torch.Tensor) ([]int, float64) {
	d := l.distances(centroids)
	labels := make([]int, len(l.norms))
	nearest := make([]float64, len(labels))
	count := make([]int, l.n)
	inertia := 0.0
	for i := range labels {
		row := d[i*l.n : (i+1)*l.n]
		for c, v := range row {
			if v < row[labels[i]] {
				labels[i] = c
			}
		}
		nearest[i] = row[labels[i]]
		inertia += nearest[i]
		count[labels[i]]++
	}
	for c := range count {
		if count[c] > 0 {
			continue
		}
		far := -1
		for i := range labels {
			if count[labels[i]] > 1 && (far < 0 || nearest[i] > nearest[far]) {
				far = i
			}
		}
		inertia -= nearest[far]
		count[labels[far]]--
		labels[far], count[c] = c, 1
	}
	return labels, inertia
}

// seed gives n centroids [n,D]: the means of the clusters that start has, and for each that it lacks a row that k-means++
// draws, with the square of its distance from the nearest centroid so far as its chance.
func (l *lloyd) seed(start []int) torch.Tensor {
	centroids := make([]torch.Tensor, l.n)
	nearest := slices.Repeat([]float64{math.Inf(1)}, len(l.norms))
	see := func(centroid torch.Tensor) {
		for i, v := range l.distances(centroid) {
			nearest[i] = min(nearest[i], v)
		}
	}
	if has := slices.Max(start) >= 0; has {
		means := l.centroids(start, l.n)
		for c := range centroids {
			if slices.Contains(start, c) {
				centroids[c] = means.Narrow(0, int64(c), 1)
				see(centroids[c])
			}
		}
	}
	for c := range centroids {
		if !centroids[c].Defined() {
			centroids[c] = l.x.Narrow(0, int64(l.draw(nearest)), 1)
			see(centroids[c])
		}
	}
	return torch.Cat(centroids, 0)
}

// draw picks a row with the given weights; all alike where there is no centroid yet or every row lies on one.
func (l *lloyd) draw(weights []float64) int {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	if total == 0 || math.IsInf(total, 1) {
		return l.rng.IntN(len(weights))
	}
	rest := l.rng.Float64() * total
	last := 0
	for i, w := range weights {
		if w == 0 {
			continue
		}
		last = i
		if rest -= w; rest < 0 {
			break
		}
	}
	return last
}
