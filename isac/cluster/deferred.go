package cluster

import "github.com/isac-guidance/isac/isac/torch"

// deferredIterations are the most that Defer makes, and it makes them all, whether something still changes or not. From the clusters of the step
// before it takes one to four, at the beginning of a run up to twenty.
const deferredIterations = 25

// Defers tells whether Defer can be asked for clusters on a grid: K-means that starts from those of the step before.
func (c *Clusterer) Defers(g Grid) bool {
	return c.Kind != Spectral && c.Kind != GMM && c.Options.Warm && c.last != nil && c.at == g
}

// Defer is Cluster into n ≥ 2 instances where Defers holds, of which nothing is read from the device. sa is SA [HW,HW] without gradient, none of it
// negative; within [HW] has 1 at the pixels of I and else 0, of SA's type. labels are int64 [HW], of no meaning outside of I; members are K of
// them [HW,n], of SA's type, with zeros there. holds is the bool scalar of whether they are Cluster's: each instance had pixels and has some, and nothing changed in the end. Keep is to be told of them then.
func (c *Clusterer) Defer(sa, within torch.Tensor, g Grid, n int) (labels, members, holds torch.Tensor) {
	all := torch.WithScope(func() []torch.Tensor {
		k := &masked{
			x: c.featuresWithin(sa, within, g), within: within.Unsqueeze(1),
			clusters: torch.Arange(0, float64(n), 1, torch.Int64, sa.Device()),
		}
		labels := torch.FromInt64s(int64sOf(c.last), int64(len(c.last)), 1).ToDevice(sa.Device())
		before := labels
		holds := k.count(k.members(labels)).GtScalar(0).All()
		last := min(deferredIterations, c.Options.Iterations)
		var centroids torch.Tensor
		for range last {
			before = labels
			kept := torch.WithScope(func() []torch.Tensor {
				c := k.means(labels, centroids)
				return []torch.Tensor{c, k.assign(c)}
			})
			centroids, labels = kept[0], kept[1]
		}
		members := k.members(labels)
		holds = holds.LogicalAnd(k.count(members).GtScalar(0).All())
		if last < c.Options.Iterations {
			holds = holds.LogicalAnd(labels.Eq(before).LogicalOr(k.within.EqScalar(0)).All())
		}
		return []torch.Tensor{labels.Select(1, 0), members, holds}
	})
	return all[0], all[1], all[2]
}

// Keep takes labels of some pixels of a grid for those that the next step starts from.
func (c *Clusterer) Keep(labels, pixels []int, g Grid) { c.last, c.at = Scatter(labels, pixels, g), g }

// masked is Lloyd's iteration of one start over all pixels of a grid, of which some count.
type masked struct {
	x        torch.Tensor // [HW,D]
	within   torch.Tensor // 1 for rows that count, else 0, [HW,1]
	clusters torch.Tensor // 0..n-1
}

// members are K, with zeros for what does not count, [HW,n], of labels [HW,1].
func (k *masked) members(labels torch.Tensor) torch.Tensor {
	return k.within.Mul(labels.Eq(k.clusters))
}

func (k *masked) count(members torch.Tensor) torch.Tensor { return members.Sum([]int64{0}, false) }

// means are the centroids [n,D] of labels; of clusters without rows those before, where they are defined.
func (k *masked) means(labels, before torch.Tensor) torch.Tensor {
	members := k.members(labels)
	count := k.count(members).Unsqueeze(1)
	c := members.Transpose(0, 1).Matmul(k.x).Div(count)
	if before.Defined() {
		c = torch.Where(count.EqScalar(0), before, c)
	}
	return c
}

// assign gives each row the nearest centroid, the first of equals, [HW,1].
func (k *masked) assign(c torch.Tensor) torch.Tensor {
	norms := c.Square().Sum([]int64{1}, false).Reshape(1, 1, -1)
	_, labels := norms.Baddbmm(k.x.Unsqueeze(0), c.Transpose(0, 1).Unsqueeze(0), 1, -2).MinDim(2, false)
	return labels.Reshape(-1, 1)
}

// featuresWithin are pointsOf for all pixels of a grid: columns that are not I's are 0, so that in I's rows nothing else differs.
func (c *Clusterer) featuresWithin(sa, within torch.Tensor, g Grid) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		all := make([]int, g.Height*g.Width)
		for i := range all {
			all[i] = i
		}
		xy := coordinates(all, g, c.Weight).ToDevice(sa.Device())
		if c.Norm != NormNone {
			xy = spread(xy, spanWithin(sa, within))
		}
		return torch.Cat([]torch.Tensor{sa.Mul(within), xy.To(sa.DType())}, 1)
	})
}

// spanWithin is the largest less the smallest element of SA[I,I], in double precision.
func spanWithin(sa, within torch.Tensor) torch.Tensor {
	const beyond = 1e30 // any element
	out := within.EqScalar(0)
	high := torch.Scoped(func() torch.Tensor { return sa.Mul(within).Amax([]int64{1}, false) }).Mul(within).MaxAll()
	low := torch.Scoped(func() torch.Tensor { return sa.MaskedFill(out, beyond).Amin([]int64{1}, false) }).MaskedFill(out, beyond).MinAll()
	return high.Sub(low).To(torch.Float64)
}
