package cluster

import (
	"math/rand/v2"
	"slices"

	"github.com/isac-guidance/isac/isac/torch"
)

// drawn are the centroids of k-means++ starts: of each start first any row, then rows drawn with the square of their distance from the
// nearest centroid so far as their chance.
func (l *lloyd) drawn(rng *rand.Rand) points {
	var of []points // by cluster: a row of each start
	var nearest torch.Tensor
	for range l.n {
		at := l.draw(nearest, rng)
		c := points{l.rows.IndexSelect(0, at), l.xy.IndexSelect(0, at)}
		of = append(of, c)
		nearest = l.nearer(nearest, c)
	}
	join := func(part func(points) torch.Tensor) torch.Tensor { // [S,n,D] to [S·n,D]
		each := make([]torch.Tensor, len(of))
		for i, c := range of {
			each[i] = part(c)
		}
		return torch.Stack(each, 1).Reshape(l.starts*l.n, -1)
	}
	return points{join(func(c points) torch.Tensor { return c.rows }), join(func(c points) torch.Tensor { return c.xy })}
}

// filled are the centroids of one start: the means of the clusters that start has, -1 being none, and drawn rows for those that it lacks.
func (l *lloyd) filled(start []int, rng *rand.Rand) points {
	known := func(c int64) bool { return slices.Contains(start, int(c)) }
	means := l.means(torch.FromInt64s(int64sOf(start), int64(len(start)), 1).ToDevice(l.rows.Device()))
	var nearest torch.Tensor
	rows, xy := make([]torch.Tensor, l.n), make([]torch.Tensor, l.n)
	take := func(c int64, centroid points) {
		rows[c], xy[c] = centroid.rows, centroid.xy
	}
	lacking := false
	for c := range l.n {
		if known(c) {
			take(c, points{means.rows.Narrow(0, c, 1), means.xy.Narrow(0, c, 1)})
		} else {
			lacking = true
		}
	}
	if !lacking {
		return means
	}
	for c := range l.n {
		if known(c) {
			nearest = l.nearer(nearest, points{rows[c], xy[c]})
		}
	}
	for c := range l.n {
		if known(c) {
			continue
		}
		at := l.draw(nearest, rng)
		take(c, points{l.rows.IndexSelect(0, at), l.xy.IndexSelect(0, at)})
		nearest = l.nearer(nearest, points{rows[c], xy[c]})
	}
	return points{torch.Cat(rows, 0), torch.Cat(xy, 0)}
}

// nearer is the smaller of nearest [F,S], which may be undefined, and the squared distance of all rows to a centroid of each start.
func (l *lloyd) nearer(nearest torch.Tensor, c points) torch.Tensor {
	if !l.norms.Defined() {
		l.norms = l.points.norms().Unsqueeze(1)
	}
	// What rounding leaves below 0 is no chance.
	d := l.to(c).AddInPlace(l.norms).Relu().To(torch.Float64)
	if nearest.Defined() {
		return nearest.Minimum(d)
	}
	return d
}

// draw picks a row for each start, int64 [S], with nearest [F,S] for weights; all alike where there is no centroid yet or every row
// lies on one. Its chances are Go's, so that they do not depend on the device.
func (l *lloyd) draw(nearest torch.Tensor, rng *rand.Rand) torch.Tensor {
	f := l.rows.Size(0)
	dev := l.rows.Device()
	any, share := make([]int64, l.starts), make([]float64, l.starts)
	for s := range l.starts {
		any[s], share[s] = rng.Int64N(f), rng.Float64()
	}
	alike := torch.FromInt64s(any, l.starts).ToDevice(dev)
	if !nearest.Defined() {
		return alike
	}
	sums := nearest.Cumsum(0)
	total := sums.Select(0, f-1)
	reach := total.Mul(torch.FromFloat64s(share, l.starts).ToDevice(dev))
	at := sums.Le(reach).To(torch.Int64).Sum([]int64{0}, false) // the first row with which the sum passes reach
	return torch.Where(at.GeScalar(float64(f)), alike, at)
}
