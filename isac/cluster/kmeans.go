package cluster

import (
	"math/rand/v2"
	"slices"

	"github.com/isac-guidance/isac/isac/torch"
)

// kmeans divides points into n clusters, none of them empty, 1 ≤ n ≤ F, and gives the cluster of each. It is Lloyd's iteration from
// k-means++ starts, the tightest of opt.Restarts, or from the clusters start (-1 for a row that has none) if that is not nil. The
// same points, start and opt give the same clusters.
//
// All starts are iterated together, in two matrix products an iteration, where the points are. Nothing comes to Go on the way but, now
// and then, whether anything still changes, and with it one label a row.
func kmeans(p points, n int, start []int, opt Options) []int {
	rng := rand.New(rand.NewPCG(opt.Seed, 0))
	var labels []int
	torch.WithScope(func() []torch.Tensor {
		l := &lloyd{points: p, n: int64(n), every: 1}
		if p.rows.Device() != torch.CPU {
			l.every = 3
		}
		if start == nil {
			l.starts = int64(opt.Restarts)
			l.centroids = l.drawn(rng)
		} else {
			l.starts = 1
			l.centroids = l.filled(start, rng)
		}
		labels = l.run(opt.Iterations)
		return nil
	})
	return labels
}

// lloyd is one clustering while it lasts: several starts at once, S, of n clusters each.
type lloyd struct {
	points
	starts, n int64
	every     int          // iterations between two looks at whether anything changes
	centroids points       // of S·n rows, start by start
	norms     torch.Tensor // ‖x_i‖² [F], once asked for
	labels    torch.Tensor // int64 [F,S]
	nearest   torch.Tensor // [F,S], squared distance to the nearest centroid less ‖x_i‖²
}

// run iterates and gives the labels of the tightest start, each cluster of which has a row.
func (l *lloyd) run(iterations int) []int {
	for {
		labels := l.settle(iterations)
		best := l.best()
		if labels == nil {
			labels = intsOf(best.Int64s())
		}
		missing := slices.ContainsFunc(counts(labels, int(l.n)), func(c int) bool { return c == 0 })
		if !missing {
			return labels
		}
		// A centroid that no row is nearest to takes the row that lies farthest from its own. From there it goes on, until that helps no more.
		filled := fill(labels, l.distance(best), int(l.n))
		if iterations /= 2; iterations == 0 {
			return filled
		}
		l.starts, l.labels, l.centroids = 1, torch.Tensor{}, points{}
		l.centroids = l.means(torch.FromInt64s(int64sOf(filled), int64(len(filled)), 1).ToDevice(l.rows.Device()))
	}
}

// settle is Lloyd's iteration until no label changes, at most so many times. A centroid that no row is nearest to stays where it is. Of one
// start it gives the labels, which come with the look that ended it; nil where it did not end so.
func (l *lloyd) settle(iterations int) (read []int) {
	for i := range iterations {
		done := false
		kept := torch.WithScope(func() []torch.Tensor {
			labels, nearest := l.assign()
			if l.labels.Defined() && i%l.every == 0 {
				done, read = l.look(labels)
			}
			next := l.centroids
			if !done && i+1 < iterations {
				next = l.means(labels)
			}
			return []torch.Tensor{labels, nearest, next.rows, next.xy}
		})
		l.labels, l.nearest, l.centroids = kept[0], kept[1], points{kept[2], kept[3]}
		if done {
			return read
		}
	}
	return nil
}

// look tells whether labels are those of the iteration before; of one start it reads the labels in the same piece.
func (l *lloyd) look(labels torch.Tensor) (same bool, read []int) {
	equal := labels.Eq(l.labels).All()
	if l.starts > 1 {
		return equal.Item() != 0, nil
	}
	all := torch.Cat([]torch.Tensor{labels.Reshape(-1), equal.To(torch.Int64).Reshape(1)}, 0).Int64s()
	last := len(all) - 1
	return all[last] != 0, intsOf(all[:last])
}

// assign gives each row the nearest centroid of each start, the first of equals: labels and what is nearest.
func (l *lloyd) assign() (labels, nearest torch.Tensor) {
	d := l.to(l.centroids).Reshape(-1, l.starts, l.n)
	nearest, labels = d.MinDim(2, false)
	return labels, nearest
}

// to is the squared distance of all rows to centroids of m rows, less ‖x_i‖², [F,m].
func (l *lloyd) to(c points) torch.Tensor {
	return l.times(c).MulScalar(-2).AddInPlace(c.norms())
}

// means are the centroids of labels [F,S]; of clusters without rows the centroids that were.
func (l *lloyd) means(labels torch.Tensor) points {
	member := labels.Unsqueeze(2).Eq(torch.Arange(0, float64(l.n), 1, torch.Int64, labels.Device())).To(l.rows.DType()).Reshape(labels.Size(0), -1) // [F,S·n]
	count := member.Sum([]int64{0}, false).Unsqueeze(1)
	empty := count.EqScalar(0)
	turned := member.Transpose(0, 1)
	mean := func(of, before torch.Tensor) torch.Tensor {
		if of.Size(1) == 0 {
			return torch.Zeros([]int64{turned.Size(0), 0}, of.DType(), of.Device()) // points of one part
		}
		m := turned.Matmul(of).Div(count)
		if !before.Defined() {
			return m
		}
		return torch.Where(empty, before, m)
	}
	return points{mean(l.rows, l.centroids.rows), mean(l.xy, l.centroids.xy)}
}

// best are the labels of the start whose squared distances have the smallest sum, [F].
func (l *lloyd) best() torch.Tensor {
	if l.starts == 1 {
		return l.labels.Select(1, 0)
	}
	at := l.nearest.To(torch.Float64).Sum([]int64{0}, false).Argmin(0, true)
	return l.labels.IndexSelect(1, at).Select(1, 0)
}

// distance is the squared distance of each row to the mean of its label's rows.
func (l *lloyd) distance(labels torch.Tensor) []float64 {
	one := &lloyd{points: l.points, starts: 1, n: l.n}
	c := one.means(labels.Unsqueeze(1))
	c.rows, c.xy = c.rows.IndexSelect(0, labels), c.xy.IndexSelect(0, labels)
	return l.rows.Sub(c.rows).Square().Sum([]int64{1}, false).Add(l.xy.Sub(c.xy).Square().Sum([]int64{1}, false)).Float64s()
}

// fill gives each cluster without rows the row that lies farthest from its own mean, out of a cluster that has others.
func fill(labels []int, distance []float64, n int) []int {
	out := slices.Clone(labels)
	count := counts(out, n)
	for c := range count {
		if count[c] > 0 {
			continue
		}
		far := -1
		for i, l := range out {
			if count[l] > 1 && (far < 0 || distance[i] > distance[far]) {
				far = i
			}
		}
		count[out[far]]--
		out[far], count[c] = c, 1
	}
	return out
}

// counts are the numbers of rows of each cluster.
func counts(labels []int, n int) []int {
	count := make([]int, n)
	for _, l := range labels {
		count[l]++
	}
	return count
}

func intsOf(values []int64) []int {
	out := make([]int, len(values))
	for i, v := range values {
		out[i] = int(v)
	}
	return out
}

func int64sOf(values []int) []int64 {
	out := make([]int64, len(values))
	for i, v := range values {
		out[i] = int64(v)
	}
	return out
}
