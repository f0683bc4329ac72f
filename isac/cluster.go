package isac

import "github.com/isac-guidance/isac/isac/torch"

// clusterer finds the instances of each step and remembers those of the step before.
type clusterer struct {
	kind   Clustering
	opt    KMeansOptions
	weight float64 // of the coordinates
	last   []int   // label of each pixel of the grid at, -1 on the background; nil before the first step
	at     grid
}

// cluster gives each foreground pixel one of n instances, none of them empty: K-means (K = n) on the rows of SA[I,I] with the
// pixel's coordinates appended (figure 5), or one of the other clusterings. fg is SA[I,I] [F,F] without gradient, F ≥ n; pixels
// is I on the grid g.
//
// With Options.KMeans.Warm the clusters of the step before are where it starts, so that an instance keeps its number. Otherwise,
// and at the first step, instances are numbered in the row-major order of their first pixels.
func (c *clusterer) cluster(fg torch.Tensor, pixels []int, g grid, n int) []int {
	var start []int
	if c.opt.Warm && c.last != nil && c.at == g {
		start = make([]int, len(pixels))
		for i, p := range pixels {
			start[i] = c.last[p]
		}
	}
	labels := make([]int, len(pixels))
	if n > 1 {
		switch c.kind {
		case ClusterSpectral:
			labels = spectral(affinity(fg, coordinates(pixels, g, c.weight)), n, start, c.opt)
		case ClusterGMM:
			labels = gaussians(features(fg, pixels, g, c.weight), n, start, c.opt)
		default:
			labels = kmeans(features(fg, pixels, g, c.weight), n, start, c.opt)
		}
		if start == nil {
			labels = inOrder(labels, n)
		}
	}
	c.last, c.at = scatter(labels, pixels, g), g
	return labels
}

// features are what is clustered, [F, F+2]: the rows of SA[I,I], min-maxed, for next to coordinates probabilities of a few
// thousandths would count for nothing; and x and y in [-1,1], the centres of the first and last pixel of a row being -1 and 1,
// times weight.
func features(fg torch.Tensor, pixels []int, g grid, weight float64) torch.Tensor {
	rows, err := minmax(fg)
	if err != nil {
		rows = fg.ZerosLike() // flat: the coordinates alone tell pixels apart
	}
	xy := coordinates(pixels, g, weight).To(fg.DType()).ToDevice(fg.Device())
	return torch.Cat([]torch.Tensor{rows, xy}, 1)
}

// coordinates are x and y of pixels, in [-1,1] times weight, [F,2] in double precision.
func coordinates(pixels []int, g grid, weight float64) torch.Tensor {
	at := make([]float64, 0, 2*len(pixels))
	for _, p := range pixels {
		at = append(at, weight*place(int64(p)%g.width, g.width), weight*place(int64(p)/g.width, g.height))
	}
	return torch.FromFloat64s(at, int64(len(pixels)), 2)
}

// place maps 0..n-1 to [-1,1].
func place(i, n int64) float64 {
	if n < 2 {
		return 0
	}
	return 2*float64(i)/float64(n-1) - 1
}

// scatter puts labels of pixels on the whole grid, -1 elsewhere.
func scatter(labels, pixels []int, g grid) []int {
	all := make([]int, g.pixels())
	for i := range all {
		all[i] = -1
	}
	for i, p := range pixels {
		all[p] = labels[i]
	}
	return all
}

// inOrder renumbers labels 0..n-1 by first appearance.
func inOrder(labels []int, n int) []int {
	number := make([]int, n)
	for i := range number {
		number[i] = -1
	}
	next := 0
	out := make([]int, len(labels))
	for i, l := range labels {
		if number[l] < 0 {
			number[l] = next
			next++
		}
		out[i] = number[l]
	}
	return out
}
