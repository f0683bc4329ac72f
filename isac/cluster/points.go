package cluster

import "github.com/isac-guidance/isac/isac/torch"

// points are what K-means clusters, in two parts so that the large one need not be copied: rows [F,D], and xy [F,2], which may have no
// columns.
type points struct{ rows, xy torch.Tensor }

// plain are points of one part.
func plain(x torch.Tensor) points {
	return points{x, torch.Zeros([]int64{x.Size(0), 0}, x.DType(), x.Device())}
}

// whole tells whether rows are all that there is.
func (p points) whole() bool { return p.xy.Size(1) == 0 }

// times are the products of all rows with those of o [m,D], [F,m].
func (p points) times(o points) torch.Tensor {
	m := p.rows.Matmul(o.rows.Transpose(0, 1))
	if p.whole() {
		return m
	}
	return m.AddInPlace(p.xy.Matmul(o.xy.Transpose(0, 1)))
}

// norms are the squares of the lengths of all rows, [F].
func (p points) norms() torch.Tensor {
	part := func(x torch.Tensor) torch.Tensor { return x.Norm(2, []int64{1}, false).Square() }
	n := part(p.rows)
	if p.whole() {
		return n
	}
	return n.AddInPlace(part(p.xy))
}
