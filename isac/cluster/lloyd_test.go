package cluster

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
)

// lloydOf is a clustering of points on a line from one start.
func lloydOf(n int, at ...float64) *lloyd {
	return &lloyd{points: line(at...), starts: 1, n: int64(n), every: 1}
}

func line(at ...float64) points { return plain(torch.FromFloat64s(at, int64(len(at)), 1)) }

// TestAssign holds what one assignment gives: the first of equally near centroids.
func TestAssign(t *testing.T) {
	synthetic.In(t, func() {
		l := lloydOf(2, -2, 0, 1)
		l.centroids = line(-1, 1)
		labels, nearest := l.assign()
		if got, want := labels.Int64s(), []int64{0, 0, 1}; !slices.Equal(got, want) {
			t.Errorf("labels %v, want %v", got, want)
		}
		if got, want := nearest.Float64s(), []float64{1 - 4, 1, 0 - 1}; !slices.Equal(got, want) {
			t.Errorf("squared distances less the squares of the points %v, want %v", got, want)
		}
	})
}

// TestFill holds what clusters without a row take: the row that lies farthest from the mean of its own, out of those that have others.
func TestFill(t *testing.T) {
	synthetic.In(t, func() {
		for name, c := range map[string]struct {
			points       []float64
			labels, want []int
		}{
			"one":                     {[]float64{0, 4, 1}, []int{0, 0, 0}, []int{0, 1, 0}},
			"two that have none":      {[]float64{0, 3, 1, 5}, []int{0, 0, 0, 0}, []int{2, 0, 0, 1}},
			"one from each":           {[]float64{-3, 9, 100, 101}, []int{0, 0, 1, 1}, []int{2, 0, 3, 1}},
			"a row alone is not lost": {[]float64{0, 1, 9}, []int{0, 0, 1}, []int{2, 0, 1}},
		} {
			n := slices.Max(c.want) + 1
			l := lloydOf(n, c.points...)
			d := l.distance(torch.FromInt64s(int64sOf(c.labels), int64(len(c.labels))))
			if got := fill(c.labels, d, n); !slices.Equal(got, c.want) {
				t.Errorf("%s: %v of distances %v, want %v", name, got, d, c.want)
			}
		}
	})
}

// TestSeedFillsUp holds that a start keeps its means, and that what it lacks is drawn from the rows far from them.
func TestSeedFillsUp(t *testing.T) {
	synthetic.In(t, func() {
		for seed := range uint64(8) {
			for _, c := range []struct {
				points []float64
				start  []int
				want   []float64
			}{{[]float64{10, 10, 20, 20}, []int{1, 1, -1, -1}, []float64{20, 10}}, {[]float64{10, 10, 10, 10}, []int{1, 1, 1, 1}, []float64{10, 10}}} {
				l := lloydOf(2, c.points...)
				if got := l.filled(c.start, rand.New(rand.NewPCG(seed, 0))).rows.Float64s(); !slices.Equal(got, c.want) {
					t.Errorf("seed %d: centroids %v of start %v, want %v", seed, got, c.start, c.want)
				}
			}
		}
	})
}

// TestDrawnRowsAreFarApart holds that k-means++ takes a row of every cluster that is far from the others, in each of many starts.
func TestDrawnRowsAreFarApart(t *testing.T) {
	synthetic.In(t, func() {
		l := lloydOf(3, 0, 0, 1e6, 0, -1e6, 1e6)
		l.starts = 40
		for s, rows := range slices.Collect(slices.Chunk(l.drawn(rand.New(rand.NewPCG(1, 0))).rows.Float64s(), 3)) {
			slices.Sort(rows)
			if !slices.Equal(rows, []float64{-1e6, 0, 1e6}) {
				t.Errorf("start %d has the rows %v", s, rows)
			}
		}
	})
}

// TestSeedsDiffer holds that the seed chooses the starts.
func TestSeedsDiffer(t *testing.T) {
	synthetic.In(t, func() {
		data, _ := cloud(7, 40, 5, 1, 1)
		x, different := torch.FromFloat32s(data, 40, 5), false
		first := kmeans(plain(x), 4, nil, Options{Iterations: 1, Restarts: 1})
		for seed := range uint64(4) {
			different = different || !slices.Equal(first, kmeans(plain(x), 4, nil, Options{Seed: seed + 1, Iterations: 1, Restarts: 1}))
		}
		if !different {
			t.Error("four other seeds give the same clusters of noise")
		}
	})
}

// TestChancesAreNotNegative holds it where rounding would have it otherwise: of float32 far from 0.
func TestChancesAreNotNegative(t *testing.T) {
	synthetic.In(t, func() {
		data, _ := cloud(3, 50, 6, 1, 1)
		l := &lloyd{points: plain(torch.FromFloat32s(data, 50, 6).AddScalar(1000)), starts: 1, n: 1, every: 1}
		for i := range int64(50) {
			c := points{l.rows.Narrow(0, i, 1), l.xy.Narrow(0, i, 1)}
			if least := slices.Min(l.nearer(torch.Tensor{}, c).Float64s()); least < 0 {
				t.Errorf("a squared distance is %v", least)
			}
		}
	})
}

// TestLooksNowAndThen holds that the clusters depend neither on how often it is asked whether anything changes, nor on whether points come
// in two parts or in one, which is how a GPU has them.
func TestLooksNowAndThen(t *testing.T) {
	synthetic.In(t, func() {
		data, _ := cloud(5, 80, 5, 4, 1)
		x := torch.FromFloat32s(data, 80, 5)
		for _, starts := range []int64{1, 3} {
			var first []int
			for _, p := range []points{plain(x), {x.Narrow(1, 0, 3), x.Narrow(1, 3, 2)}} {
				for _, every := range []int{1, 3, 5, 100} {
					l := &lloyd{points: p, starts: starts, n: 4, every: every}
					l.centroids = l.drawn(rand.New(rand.NewPCG(2, 0)))
					labels := l.run(60)
					if first == nil {
						first = labels
					}
					if !slices.Equal(labels, first) {
						t.Errorf("%d starts, looking every %d iterations, clusters are %v, want %v", starts, every, labels, first)
					}
				}
			}
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
