package cluster

import "github.com/isac-guidance/isac/isac/torch"

// deferredIterations are as many as Defer makes, whether something still changes or not. From the clusters of the step before it takes one to
// four, at the beginning of a run up to ten.
const deferredIterations = 12

// Defers tells whether Defer can be asked for clusters on a grid: K-means that starts from those of the step before.
func (c *Clusterer) Defers(g Grid) bool {
	return c.Kind != Spectral && c.Kind != GMM && c.Options.Warm && c.last != nil && c.at == g
}

// Defer is Cluster into n ≥ 2 instances where Defers holds, of which nothing is read from the device. sa is SA [HW,HW] without gradient, within
// [HW] has 1 at the pixels of I and else 0, of SA's type. labels are int64 [HW], of no meaning outside of I. holds is the bool scalar of whether
// they are Cluster's: each instance had pixels and has some, and nothing changed in the end. Keep is to be told of them then.
func (c *Clusterer) Defer(sa, within torch.Tensor, g Grid, n int) (labels, holds torch.Tensor) {
	both := torch.WithScope(func() []torch.Tensor {
		all := make([]int, g.Height*g.Width)
		for i := range all {
			all[i] = i
		}
		xy := coordinates(all, g, c.Weight).ToDevice(sa.Device())
		if c.Norm != NormNone {
			span := spanWithin(sa, within)
			xy = xy.Mul(torch.Where(span.EqScalar(0), span.OnesLike(), span))
		}
		l := &lloyd{points: points{sa, xy.To(sa.DType())}, within: within, n: int64(n), starts: 1}
		l.labels = torch.FromInt64s(int64sOf(c.last), int64(len(c.last)), 1).ToDevice(sa.Device())
		before := l.inhabited(n)
		last := min(deferredIterations, c.Options.Iterations)
		var changes torch.Tensor
		for range last {
			l.centroids = l.means(l.labels)
			next, _ := l.assign()
			changes = next.Ne(l.labels).LogicalAnd(within.GtScalar(0).Unsqueeze(1)).Any()
			l.labels = next
		}
		holds := before.LogicalAnd(l.inhabited(n))
		if last < c.Options.Iterations {
			holds = holds.LogicalAnd(changes.LogicalNot())
		}
		return []torch.Tensor{l.labels.Select(1, 0), holds}
	})
	return both[0], both[1]
}

// Keep takes labels of some pixels of a grid for those that the next step starts from.
func (c *Clusterer) Keep(labels, pixels []int, g Grid) { c.last, c.at = Scatter(labels, pixels, g), g }

// inhabited is the bool scalar of whether each of n clusters has a row that counts.
func (l *lloyd) inhabited(n int) torch.Tensor {
	clusters := torch.Arange(0, float64(n), 1, torch.Int64, l.labels.Device())
	return l.labels.Eq(clusters).LogicalAnd(l.within.GtScalar(0).Unsqueeze(1)).To(torch.Float32).Amax([]int64{0}, false).GtScalar(0).All()
}

// spanWithin is the largest less the smallest element of SA[I,I], none of which is negative, in double precision.
func spanWithin(sa, within torch.Tensor) torch.Tensor {
	out := within.EqScalar(0)
	high := torch.Scoped(func() torch.Tensor { return sa.Mul(within).Amax([]int64{1}, false) }).Mul(within).MaxAll()
	low := torch.Scoped(func() torch.Tensor { return sa.MaskedFill(out, infinite).Amin([]int64{1}, false) }).MaskedFill(out, infinite).MinAll()
	return high.Sub(low).To(torch.Float64)
}

// infinite is more than any element of SA.
const infinite = 1e30
