package cluster

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
)

// lloydOf is a clustering of points on a line.
func lloydOf(n int, seed uint64, points ...float64) *lloyd {
	x := torch.FromFloat64s(points, int64(len(points)), 1)
	return &lloyd{x: x, n: n, norms: x.Square().Sum([]int64{1}, false).Float64s(), rng: rand.New(rand.NewPCG(seed, 0))}
}

// TestAssign holds what one assignment gives: the first of equally near centroids, the row that lies farthest to one that has none, and
// the sum of squared distances of what comes out.
func TestAssign(t *testing.T) {
	synthetic.In(t, func() {
		for name, c := range map[string]struct {
			points, centroids []float64
			labels            []int
			inertia           float64
		}{
			"equally near":            {[]float64{-2, 0, 1}, []float64{-1, 1}, []int{0, 0, 1}, 2},
			"none is near":            {[]float64{0, 4, 1}, []float64{0, 50}, []int{0, 1, 0}, 1},
			"two that have none":      {[]float64{0, 3, 1, 5}, []float64{0, 50, 90}, []int{0, 2, 0, 1}, 1},
			"one from each":           {[]float64{-3, 9, 100, 101}, []float64{0, 100, 500, 900}, []int{0, 2, 1, 3}, 9},
			"a row alone is not lost": {[]float64{0, 1, 9}, []float64{0, 6, 50}, []int{0, 2, 1}, 9},
		} {
			labels, inertia := lloydOf(len(c.centroids), 0, c.points...).assign(torch.FromFloat64s(c.centroids, int64(len(c.centroids)), 1))
			if !slices.Equal(labels, c.labels) || inertia != c.inertia {
				t.Errorf("%s: %v with %v, want %v with %v", name, labels, inertia, c.labels, c.inertia)
			}
		}
	})
}

// TestSeedFillsUp holds that a start keeps its means, and that what it lacks is drawn from the rows far from them.
func TestSeedFillsUp(t *testing.T) {
	synthetic.In(t, func() {
		for seed := range uint64(8) {
			for _, start := range [][]int{{1, 1, -1, -1}, {1, 1, 1, 1}} {
				l := lloydOf(2, seed, 10, 10, 20, 20)
				if start[2] == 1 {
					l = lloydOf(2, seed, 10, 10, 10, 10)
				}
				want := []float64{20, 10}
				if start[2] == 1 {
					want[0] = 10
				}
				if got := l.seed(start).Float64s(); !slices.Equal(got, want) {
					t.Errorf("seed %d: centroids %v of start %v, want %v", seed, got, start, want)
				}
			}
		}
	})
}

// TestSeedsDiffer holds that the seed chooses the starts.
func TestSeedsDiffer(t *testing.T) {
	synthetic.In(t, func() {
		data, _ := cloud(7, 40, 5, 1, 1)
		x, different := torch.FromFloat32s(data, 40, 5), false
		first := kmeans(x, 4, nil, Options{Iterations: 1, Restarts: 1})
		for seed := range uint64(4) {
			different = different || !slices.Equal(first, kmeans(x, 4, nil, Options{Seed: seed + 1, Iterations: 1, Restarts: 1}))
		}
		if !different {
			t.Error("four other seeds give the same clusters of noise")
		}
	})
}

// TestDistancesAreNotNegative holds it where rounding would have it otherwise: of float32 far from 0.
func TestDistancesAreNotNegative(t *testing.T) {
	synthetic.In(t, func() {
		data, _ := cloud(3, 50, 6, 1, 1)
		x := torch.FromFloat32s(data, 50, 6).AddScalar(1000)
		l := &lloyd{x: x, n: 50, norms: x.Square().Sum([]int64{1}, false).Float64s()}
		if least := slices.Min(l.distances(x)); least < 0 {
			t.Errorf("a squared distance is %v", least)
		}
	})
}

// TestSharesAddUp holds that a row of overlapping components belongs to them by shares that sum to 1.
func TestSharesAddUp(t *testing.T) {
	points := []float64{-1, -0.5, 0, 0.2, 0.4, 0.5, 0.6, 1, 1.5, 2}
	m := newMixture(mat.NewDense(10, 1, points), []int{0, 0, 0, 1, 0, 1, 0, 1, 1, 1}, 2)
	m.expect()
	for i, share := range m.share {
		if sum := share[0] + share[1]; sum < 1-1e-12 || sum > 1+1e-12 || share[0] < 0.01 && i < 8 {
			t.Errorf("row %d has the shares %v", i, share)
		}
	}
}
