package attention

import (
	"math"
	"slices"

	"github.com/isac-guidance/isac/isac/torch"
)

// Rows is SA of Accumulate at some pixels alone, [n,HW] in their order, with gradient where gradients are enabled. It forms the
// probabilities of no other queries: of a layer on a coarser grid those of the at most four whose bilinear mean a pixel is. Of maps that were
// made online they are formed in the backward pass; until then known has to say what they are, as it was in what Accumulate gave, [n,HW]: it is
// called only then. The one error is ErrManyRows.
func Rows(r Reading, opt Options, pixels []int, known func() torch.Tensor) (rows torch.Tensor, err error) {
	rows = torch.Scoped(func() (rows torch.Tensor) {
		rows, err = rowsOf(r, opt, func(g Grid) source { return sourcesOf(pixels, g, r.Top) }, known)
		return rows
	})
	return rows, err
}

// RowsAt is Rows of pixels that are known to the device alone, int64 [n], of maps that were not made online (Reading.Online). A pixel's queries
// are formed for it, whether another has them too or not.
func RowsAt(r Reading, opt Options, pixels torch.Tensor) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		rows, _ := rowsOf(r, opt, func(g Grid) source { return placesOf(pixels, g, r.Top) }, nil)
		return rows
	})
}

// source says of a layer's grid which queries some pixels of a finer one are made of, and how.
type source interface {
	// index are the queries on a device, int64.
	index(dev torch.Device) torch.Tensor
	// mean makes rows of the pixels, [n,keys], of rows of the queries.
	mean(m torch.Tensor) torch.Tensor
}

// rowsOf is Rows of the queries that find gives of each grid, sources where maps were made online.
func rowsOf(r Reading, opt Options, find func(Grid) source, known func() torch.Tensor) (torch.Tensor, error) {
	var image sums
	queries := map[Grid]source{}
	var all []Tap
	for _, t := range r.Taps {
		if !t.Has(Image) || t.left != nil && !t.left.rows.Defined() {
			continue
		}
		if queries[t.Grid()] == nil {
			queries[t.Grid()] = find(t.Grid())
		}
		if t.left != nil {
			t.left.queries = queries[t.Grid()].(*sources).queries
			if len(t.left.queries) > OnlineRows {
				return torch.Tensor{}, ErrManyRows
			}
			image.add(t.Grid(), t.left.heads, t.left.rows.Narrow(0, 0, int64(len(t.left.queries))))
			continue
		}
		if opt.Renormalise && t.Has(Text) {
			t = t.only(Image)
		}
		all = append(all, t)
	}
	for _, set := range sets(all) {
		index := queries[set[0].Grid()].index(set[0].Q.Device())
		image.add(set[0].Grid(), headsOf(set), torch.Scoped(func() torch.Tensor {
			some := make([]Tap, len(set))
			for i, t := range set {
				some[i] = t
				some[i].Q = t.Q.IndexSelect(2, index)
			}
			one := joined(some)
			return columns(one.Mean(), 1, one.Keys, Image)
		}))
	}
	rows := image.combine(r.Top, opt.DivideUpsampled, func(m torch.Tensor, from Grid) torch.Tensor {
		return upsampleKeys(queries[from].mean(m), from, r.Top)
	})
	if onlineOf(r.Taps) != nil {
		rows = known().Add(rows.Sub(rows.Detach()))
	}
	return rows, nil
}

// sources are the queries of a layer that some pixels of a finer grid are made of.
type sources struct {
	queries []int64   // each once, sorted
	weights []float64 // [pixels, queries]: bilinear
	at      torch.Tensor
}

// index is the same at each call.
func (s *sources) index(dev torch.Device) torch.Tensor {
	if !s.at.Defined() {
		s.at = torch.FromInt64s(s.queries, int64(len(s.queries))).ToDevice(dev)
	}
	return s.at
}

func (s *sources) mean(m torch.Tensor) torch.Tensor {
	n := len(s.queries)
	return torch.FromFloat64s(s.weights, int64(len(s.weights)/n), int64(n)).ToDevice(m.Device()).To(m.DType()).Matmul(m)
}

// sourcesOf finds them.
func sourcesOf(pixels []int, from, to Grid) *sources {
	type term struct {
		row, query int
		weight     float64
	}
	var terms []term
	var index []int64
	for row, p := range pixels {
		for _, y := range between(p/to.Width, from.Height, to.Height) {
			for _, x := range between(p%to.Width, from.Width, to.Width) {
				if w := y.weight * x.weight; w > 0 {
					query := y.at*from.Width + x.at
					terms = append(terms, term{row, query, w})
					index = append(index, int64(query))
				}
			}
		}
	}
	slices.Sort(index)
	index = slices.Compact(index)
	weights := make([]float64, len(pixels)*len(index))
	for _, t := range terms {
		column, _ := slices.BinarySearch(index, int64(t.query))
		weights[t.row*len(index)+column] += t.weight
	}
	return &sources{queries: index, weights: weights}
}

// tick is a place along one side of a grid and what it counts for.
type tick struct {
	at     int
	weight float64
}

// between gives the two places of a side of n, one of them perhaps of weight 0, between which place i of a side of m ≥ n lies:
// half-pixel centres, as UpsampleBilinear2d has it with align_corners = false.
func between(i, n, m int) [2]tick {
	at := max(0, (float64(i)+0.5)*float64(n)/float64(m)-0.5)
	low := min(int(math.Floor(at)), n-1)
	share := at - float64(low)
	high := min(low+1, n-1)
	return [2]tick{{low, 1 - share}, {high, share}}
}
