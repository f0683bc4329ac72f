package cluster

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

func rows(x torch.Tensor) [][]float64 {
	return slices.Collect(slices.Chunk(x.Float64s(), int(x.Size(1))))
}

func squared(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += (a[i] - b[i]) * (a[i] - b[i])
	}
	return sum
}

// means are the centroids of clusters, plainly.
func means(points [][]float64, labels []int, n int) ([][]float64, []int) {
	out, count := make([][]float64, n), make([]int, n)
	for c := range out {
		out[c] = make([]float64, len(points[0]))
	}
	for i, p := range points {
		count[labels[i]]++
		for k, v := range p {
			out[labels[i]][k] += v
		}
	}
	for c := range out {
		for k := range out[c] {
			out[c][k] /= float64(count[c])
		}
	}
	return out, count
}

// inertia is the sum of squared distances to the clusters' means.
func inertia(points [][]float64, labels []int, n int) float64 {
	centres, _ := means(points, labels, n)
	sum := 0.0
	for i, p := range points {
		sum += squared(p, centres[labels[i]])
	}
	return sum
}

// cloud makes f points in d dimensions around n centres, some of them far from each other, and says which belongs to which.
func cloud(seed uint64, f, d, n int, spread float64) ([]float32, []int) {
	r := rand.New(rand.NewPCG(seed, 3))
	centres := make([][]float64, n)
	for c := range centres {
		centres[c] = synthetic.Normal(r, int64(d), 1)
	}
	data, owner := make([]float32, 0, f*d), make([]int, f)
	for i := range f {
		owner[i] = i % n
		for k := range d {
			data = append(data, float32(centres[owner[i]][k]+spread*r.NormFloat64()))
		}
	}
	return data, owner
}

// TestKMeansFindsClusters finds planted clusters for many seeds.
func TestKMeansFindsClusters(t *testing.T) {
	torchtest.Require(t)
	for seed := range uint64(10) {
		err := torch.InScope(func() error {
			data, owner := cloud(seed, 60, 8, 4, 0.1)
			opt := usual
			opt.Seed = seed
			got := inOrder(kmeans(plain(torch.FromFloat32s(data, 60, 8)), 4, nil, opt), 4)
			if !slices.Equal(got, inOrder(owner, 4)) {
				t.Errorf("seed %d: clusters %v, want %v", seed, got, owner)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestKMeansSettles holds that the result is a fixed point of Lloyd's iteration, on points without structure: each is nearest
// to its own mean.
func TestKMeansSettles(t *testing.T) {
	torchtest.Require(t)
	err := torch.InScope(func() error {
		data, _ := cloud(7, 80, 5, 1, 1)
		x := torch.FromFloat32s(data, 80, 5)
		poor := make([]int, 80)
		for i := range poor {
			poor[i] = i % 5
		}
		for _, start := range [][]int{nil, poor} {
			labels := kmeans(plain(x), 5, start, Options{Iterations: 200, Restarts: 3})
			points := rows(x)
			centres, _ := means(points, labels, 5)
			for i, p := range points {
				for c := range centres {
					if squared(p, centres[c]) < squared(p, centres[labels[i]])-1e-5 {
						t.Errorf("point %d is in cluster %d and nearer to %d", i, labels[i], c)
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestKMeansHasNoEmptyCluster tries what tends to leave clusters empty.
func TestKMeansHasNoEmptyCluster(t *testing.T) {
	torchtest.Require(t)
	line := make([]float32, 12)
	for i := range line {
		line[i] = float32(i / 4) // three distinct points, four of each
	}
	for _, tt := range []struct {
		name  string
		data  []float32
		f, n  int
		start []int
	}{
		{"as many clusters as points", []float32{0, 1, 2, 3, 4}, 5, 5, nil},
		{"one cluster", []float32{0, 1, 2}, 3, 1, nil},
		{"equal points", make([]float32, 6), 6, 4, nil},
		{"fewer distinct points than clusters", line, 12, 5, nil},
		{"start without cluster 1", []float32{0, 0, 1, 1, 9, 9}, 6, 3, []int{0, 0, 0, 0, 2, 2}},
		{"start with one cluster", []float32{0, 0, 1, 1, 9, 9}, 6, 3, []int{0, 0, 0, 0, 0, 0}},
		{"start with strangers", []float32{0, 0, 1, 1, 9, 9}, 6, 2, []int{-1, -1, -1, 0, 1, -1}},
		{"start of strangers", []float32{0, 0, 1, 1, 9, 9}, 6, 2, []int{-1, -1, -1, -1, -1, -1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := torch.InScope(func() error {
				x := torch.FromFloat32s(tt.data, int64(tt.f), 1)
				for seed := range uint64(5) {
					labels := kmeans(plain(x), tt.n, tt.start, Options{Seed: seed, Iterations: 10, Restarts: 2})
					for c := range tt.n {
						if !slices.Contains(labels, c) {
							t.Errorf("seed %d: cluster %d is empty in %v", seed, c, labels)
						}
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestKMeansStartsWarm holds that clusters that are given keep their numbers, and that a fixed point is left alone.
func TestKMeansStartsWarm(t *testing.T) {
	torchtest.Require(t)
	err := torch.InScope(func() error {
		data, owner := cloud(3, 40, 6, 4, 0.1)
		x := torch.FromFloat32s(data, 40, 6)
		numbers := []int{2, 0, 3, 1} // another numbering
		start, want := make([]int, 40), make([]int, 40)
		for i, o := range owner {
			want[i] = numbers[o]
			start[i] = want[i]
			if i%3 == 0 {
				start[i] = -1 // a pixel that was background
			}
		}
		if got := kmeans(plain(x), 4, start, Options{Iterations: 1, Restarts: 1}); !slices.Equal(got, want) {
			t.Errorf("clusters %v, want %v", got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestClustererNumbersInOrder holds that a first step numbers instances in row-major order and the next steps keep the numbers.
func TestClustererNumbersInOrder(t *testing.T) {
	torchtest.Require(t)
	err := torch.InScope(func() error {
		g := Grid{1, 6}
		blocks := torch.FromFloat32s([]float32{
			9, 9, 0, 0,
			9, 9, 0, 0,
			0, 0, 9, 9,
			0, 0, 9, 9,
		}, 4, 4)
		c := &Clusterer{Options: usual, Weight: 1}
		if got, want := c.Cluster(blocks, []int{0, 1, 4, 5}, g, 2), []int{0, 0, 1, 1}; !slices.Equal(got, want) {
			t.Errorf("clusters %v, want %v", got, want)
		}
		if want := []int{0, 0, -1, -1, 1, 1}; !slices.Equal(c.last, want) {
			t.Errorf("remembers %v, want %v", c.last, want)
		}
		// Pixel 4 alone remains of instance 1; pixels 2 and 3 are new and attend with it.
		if got, want := c.Cluster(blocks, []int{0, 1, 2, 4}, g, 2), []int{0, 0, 1, 1}; !slices.Equal(got, want) {
			t.Errorf("next step: clusters %v, want %v", got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFeatures is a hand-computed case: min-maxed rows, then x and y in [-1,1].
func TestFeatures(t *testing.T) {
	torchtest.Require(t)
	err := torch.InScope(func() error {
		fg := torch.FromFloat64s([]float64{2, 4, 6, 10}, 2, 2)
		// Pixel 1 of a 3×5 grid is x=1, y=0; pixel 14 is the last of both.
		got := Features(fg, []int{1, 14}, Grid{3, 5}, 0.5, NormMinMax)
		synthetic.Near(t, "features", got.Float64s(), []float64{0, 0.25, -0.25, -0.5, 0.5, 1, 0.5, 0.5}, 1e-12)
		flat := Features(torch.FromFloat64s([]float64{3, 3, 3, 3}, 2, 2), []int{0, 1}, Grid{1, 2}, 1, NormMinMax)
		synthetic.Near(t, "features of a flat map", flat.Float64s(), []float64{0, 0, -1, 0, 0, 0, 1, 0}, 1e-12)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func BenchmarkKMeans(b *testing.B) {
	torchtest.Require(b)
	for _, f := range []int{200, 1600, 4096} {
		for _, warm := range []bool{false, true} {
			b.Run(fmt.Sprintf("F=%d/N=5/warm=%v", f, warm), func(b *testing.B) {
				err := torch.InScope(func() error {
					data, owner := cloud(1, f, f+2, 5, 3/math.Sqrt(float64(f)))
					x := torch.FromFloat32s(data, int64(f), int64(f+2))
					var start []int
					if warm {
						start = slices.Clone(owner)
						for i := 0; i < f; i += 9 {
							start[i] = (start[i] + 1) % 5
						}
					}
					for b.Loop() {
						kmeans(plain(x), 5, start, usual)
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}

// TestKMeansFindsTheTightest holds that K-means from its own starts is as good as the best of 30 in the fixture.
func TestKMeansFindsTheTightest(t *testing.T) {
	torchtest.Require(t)
	s := synthetic.Open(t, "synthetic")
	for name, c := range s.Cases {
		if !s.Has("case/" + name + "/features") {
			continue
		}
		err := torch.InScope(func() error {
			x := s.Tensor(t, "case/"+name+"/features")
			n := 0
			for _, class := range c.Classes {
				n += class.Count
			}
			labels := kmeans(plain(x), n, nil, usual)
			if got := inertia(rows(x), labels, n); got > 1.01*c.Inertia {
				t.Errorf("%s: squared distances sum to %.4g, %.4g is possible", name, got, c.Inertia)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
