package cluster

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
)

// component is a Gaussian on a line.
func component(mean, variance, weight float64) gaussian {
	return newGaussian([]float64{mean}, mat.NewSymDense(1, []float64{variance}), weight)
}

// mixtureOf is a mixture of given components, of points on a line.
func mixtureOf(points []float64, parts ...gaussian) *mixture {
	m := &mixture{x: mat.NewDense(len(points), 1, points), n: len(parts), parts: parts, share: make([][]float64, len(points))}
	for i := range m.share {
		m.share[i] = make([]float64, len(parts))
	}
	return m
}

// TestLabelsOfMixtures holds that a row has its likeliest component, the first of equals, and that one which no row likes best takes the
// row that it is likeliest to have made, out of a cluster that has others.
func TestLabelsOfMixtures(t *testing.T) {
	for name, c := range map[string]struct {
		m    *mixture
		want []int
	}{
		"likeliest":             {mixtureOf([]float64{0, 1, 9}, component(0, 1, 0.5), component(9, 1, 0.5)), []int{0, 0, 1}},
		"equals":                {mixtureOf([]float64{1, 1, 1}, component(1, 1, 0.5), component(1, 1, 0.5)), []int{1, 0, 0}},
		"weak, right of others": {mixtureOf([]float64{0, 1, 2, 9}, component(1, 1, 0.5), component(9, 1, 0.5), component(2.2, 1, 1e-6)), []int{0, 0, 2, 1}},
		"weak, at a row alone":  {mixtureOf([]float64{0, 2, 1, 9}, component(1, 1, 0.5), component(9, 1, 0.5), component(8.9, 1, 1e-6)), []int{0, 2, 0, 1}},
	} {
		if got := c.m.labels(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestComponentWithoutRows holds that a component which has lost its rows stays out of the mixture.
func TestComponentWithoutRows(t *testing.T) {
	m := mixtureOf([]float64{0, 1, 2}, component(1, 1, 0.5), component(50, 1, 0.5))
	m.ridge = 1e-3
	for _, share := range m.share {
		share[0] = 1
	}
	m.maximise()
	m.expect()
	for i, share := range m.share {
		if share[0] != 1 || share[1] != 0 {
			t.Errorf("row %d has the shares %v", i, share)
		}
	}
	if mean := m.parts[0].mean[0]; math.Abs(mean-1) > 1e-12 {
		t.Errorf("the component left has the mean %v", mean)
	}
}

// TestIterationsOfMixtures holds that a mixture is fitted as often as the options say, beyond its start from K-means.
func TestIterationsOfMixtures(t *testing.T) {
	synthetic.In(t, func() {
		data, _ := cloud(7, 80, 5, 1, 1)
		x := torch.FromFloat32s(data, 80, 5)
		start := kmeans(plain(x), 3, nil, Options{Iterations: 200, Restarts: 3})
		one, many := gaussians(x, 3, start, Options{Iterations: 1, Restarts: 1}), gaussians(x, 3, start, Options{Iterations: 50, Restarts: 1})
		if slices.Equal(one, many) {
			t.Error("fifty iterations of EM on noise give the clusters of one")
		}
	})
}
