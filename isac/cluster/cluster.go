package cluster

import "github.com/isac-guidance/isac/isac/torch"

// Kind says how pixels are divided into instances (the paper's Table 4).
type Kind string

const (
	// KMeans is K-means on the rows of SA[I,I] with the pixels' coordinates, the paper's own.
	KMeans Kind = "kmeans"
	// Spectral is normalised spectral clustering (Ng, Jordan and Weiss) with SA[I,I] as the affinity of pixels.
	Spectral Kind = "spectral"
	// GMM is a mixture of Gaussians with full covariances on the leading principal components of what K-means clusters.
	GMM Kind = "gmm"
)

// Norm says how the rows of self-attention are scaled beside the pixels' coordinates.
type Norm string

const (
	// NormMinMax min-maxes SA[I,I]: beside coordinates, probabilities of a few thousandths would else count for nothing.
	NormMinMax Norm = "minmax"
	// NormNone takes rows of SA as they are: those of a min-maxed SA are in [0,1] already.
	NormNone Norm = "none"
)

// Options say how pixels are clustered, by K-means and by the K-means within the other clusterings: spectral clustering ends with
// one, a Gaussian mixture starts from one.
type Options struct {
	// Seed starts the generator of the k-means++ starts. The same seed gives the same clusters.
	Seed uint64 `json:"seed" help:"Seed of the grouping."`
	// Iterations is the largest number of Lloyd iterations of one start, and of EM iterations of a Gaussian mixture, at least
	// 1. They end earlier when no pixel changes, or the likelihood does not.
	Iterations int `json:"iterations" help:"Most iterations of one grouping."`
	// Restarts is the number of k-means++ starts where there are no clusters of a step before, at least 1; the tightest wins. They
	// run together, so many are cheap where the points are on a GPU or few.
	Restarts int `json:"restarts" help:"Groupings tried at the first step; the tightest is kept."`
	// Warm starts each step from the clusters of the step before, so that an instance keeps its number and its place.
	Warm bool `json:"warm" help:"Each step goes on from the groups of the step before, so that an instance keeps its colour."`
}

// Grid is the grid of pixels, in row-major order.
type Grid struct{ Height, Width int }

// Clusterer finds the instances of each step and remembers those of the step before. The zero value of what is not exported is a
// first step.
type Clusterer struct {
	Kind    Kind
	Options Options
	// Weight multiplies the two coordinate columns, each in [-1,1]: 1 is the paper's, 0 clusters by attention alone.
	Weight float64
	// Norm scales what stands beside the coordinates; "" is NormMinMax. It is of no matter to spectral clustering.
	Norm Norm

	last []int // label of each pixel of the grid at, -1 on the background; nil before the first step
	at   Grid
}

// Resume gives the clusters of an earlier step: the label of each pixel of the grid, -1 on the background.
func (c *Clusterer) Resume(labels []int, g Grid) { c.last, c.at = labels, g }

// Cluster gives each of some pixels one of n instances, none of them empty: K-means (K = n) on the rows of SA[I,I] with the
// pixel's coordinates appended (figure 5), or one of the other clusterings. fg is SA[I,I] [F,F] without gradient, F ≥ n; pixels
// is I on the grid g.
//
// With Options.Warm the clusters of the step before are where it starts, so that an instance keeps its number. Otherwise,
// and at the first step, instances are numbered in the row-major order of their first pixels.
func (c *Clusterer) Cluster(fg torch.Tensor, pixels []int, g Grid, n int) []int {
	var start []int
	if c.Options.Warm && c.last != nil && c.at == g {
		start = make([]int, len(pixels))
		for i, p := range pixels {
			start[i] = c.last[p]
		}
	}
	labels := make([]int, len(pixels))
	if n > 1 {
		switch c.Kind {
		case Spectral:
			labels = spectral(affinity(fg, coordinates(pixels, g, c.Weight)), n, start, c.Options)
		case GMM:
			labels = gaussians(Features(fg, pixels, g, c.Weight, c.Norm), n, start, c.Options)
		default:
			labels = kmeans(pointsOf(fg, pixels, g, c.Weight, c.Norm), n, start, c.Options)
		}
		if start == nil {
			labels = inOrder(labels, n)
		}
	}
	c.Keep(labels, pixels, g)
	return labels
}

// Features are what is clustered, [F, F+2]: the rows of SA[I,I], scaled by norm; and x and y in [-1,1], the centres of the first and
// last pixel of a row being -1 and 1, times weight. Of a map without contrast that is to be min-maxed, the rows are zeros: the
// coordinates alone tell pixels apart.
func Features(fg torch.Tensor, pixels []int, g Grid, weight float64, norm Norm) torch.Tensor {
	rows := fg
	if norm != NormNone {
		low, high := fg.MinAll(), fg.MaxAll()
		rows = fg.ZerosLike()
		if span := high.Sub(low); span.Item() != 0 {
			rows = fg.Sub(low).Div(span)
		}
	}
	xy := coordinates(pixels, g, weight).To(fg.DType()).ToDevice(fg.Device())
	return torch.Cat([]torch.Tensor{rows, xy}, 1)
}

// pointsOf are Features but for a factor and a shift of all rows, which K-means does not see: in the place of dividing the rows by their
// span it multiplies the coordinates, which are few, by it; and rows that are all alike need not be zeros. Nothing is read from the device.
func pointsOf(fg torch.Tensor, pixels []int, g Grid, weight float64, norm Norm) points {
	xy := coordinates(pixels, g, weight).ToDevice(fg.Device())
	if norm != NormNone {
		xy = spread(xy, fg.MaxAll().Sub(fg.MinAll()).To(torch.Float64))
	}
	xy = xy.To(fg.DType())
	if fg.Device() != torch.CPU { // one matrix is half the launches, and a copy takes no time there
		return plain(torch.Cat([]torch.Tensor{fg, xy}, 1))
	}
	return points{fg, xy}
}

// spread multiplies coordinates by the span of the rows beside them, unless that is 0.
func spread(xy, span torch.Tensor) torch.Tensor {
	return xy.Mul(torch.Where(span.EqScalar(0), span.OnesLike(), span))
}

// coordinates are x and y of pixels, in [-1,1] times weight, [F,2] in double precision.
func coordinates(pixels []int, g Grid, weight float64) torch.Tensor {
	at := make([]float64, 0, 2*len(pixels))
	for _, p := range pixels {
		at = append(at, weight*place(p%g.Width, g.Width), weight*place(p/g.Width, g.Height))
	}
	return torch.FromFloat64s(at, int64(len(pixels)), 2)
}

// place maps 0..n-1 to [-1,1].
func place(i, n int) float64 {
	if n < 2 {
		return 0
	}
	return 2*float64(i)/float64(n-1) - 1
}

// Scatter puts labels of pixels on the whole grid, -1 elsewhere.
func Scatter(labels, pixels []int, g Grid) []int {
	all := make([]int, g.Height*g.Width)
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
