package cluster

import (
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
)

// TestClusterersMemory holds what a clusterer that is resumed goes on from: the labels of the same grid, where it starts warm.
func TestClusterersMemory(t *testing.T) {
	synthetic.In(t, func() {
		blocks := torch.FromFloat32s([]float32{
			9, 9, 0, 0,
			9, 9, 0, 0,
			0, 0, 9, 9,
			0, 0, 9, 9,
		}, 4, 4)
		pixels, g := []int{1, 2, 4, 5}, Grid{2, 3}
		backwards := []int{-1, 1, 1, -1, 0, 0}
		for name, c := range map[string]struct {
			warm bool
			at   Grid
			want []int
		}{
			"warm":         {true, g, []int{1, 1, 0, 0}},
			"cold":         {false, g, []int{0, 0, 1, 1}},
			"another grid": {true, Grid{3, 2}, []int{0, 0, 1, 1}},
		} {
			clusterer := &Clusterer{Options: usual, Weight: 0.1}
			clusterer.Options.Warm = c.warm
			clusterer.Resume(backwards, c.at)
			if got := clusterer.Cluster(blocks, pixels, g, 2); !slices.Equal(got, c.want) {
				t.Errorf("%s: clusters %v, want %v", name, got, c.want)
			}
		}
	})
}

// TestWeightOfCoordinates has pixels in a row of which every other attends to each other: without coordinates these are the clusters,
// with a large weight the left and the right half, for each clustering.
func TestWeightOfCoordinates(t *testing.T) {
	synthetic.In(t, func() {
		const n = 8
		attention, pixels := make([]float64, 0, n*n), make([]int, n)
		for i := range n {
			pixels[i] = i + i/4*2 // with a gap in the middle
			for j := range n {
				attention = append(attention, map[bool]float64{true: 0.2, false: 0.02}[i%2 == j%2])
			}
		}
		for _, kind := range []Kind{KMeans, Spectral, GMM} {
			for weight, want := range map[float64][]int{0: {0, 1, 0, 1, 0, 1, 0, 1}, 10: {0, 0, 0, 0, 1, 1, 1, 1}} {
				c := &Clusterer{Kind: kind, Options: usual, Weight: weight}
				if got := c.Cluster(torch.FromFloat64s(attention, n, n), pixels, Grid{1, n + 2}, 2); !slices.Equal(got, want) {
					t.Errorf("%s, weight %v: clusters %v, want %v", kind, weight, got, want)
				}
			}
		}
	})
}
