package attention

import (
	"math"
	"slices"

	"github.com/isac-guidance/isac/isac/torch"
)

// Rows is SA of Accumulate at some pixels alone, [n,HW] in their order, with gradient where gradients are enabled. It forms the
// probabilities of no other queries: of a layer on a coarser grid those of the at most four whose bilinear mean a pixel is.
func Rows(r Reading, opt Options, pixels []int) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		var image sums
		queries := map[Grid]*sources{}
		var all []Tap
		for _, t := range r.Taps {
			if !t.Has(Image) {
				continue
			}
			if opt.Renormalise && t.Has(Text) {
				t = t.only(Image)
			}
			all = append(all, t)
			if queries[t.Grid()] == nil {
				queries[t.Grid()] = sourcesOf(pixels, t.Grid(), r.Top, t.Q.Device())
			}
		}
		for _, set := range sets(all) {
			grid := set[0].Grid()
			image.add(grid, headsOf(set), torch.Scoped(func() torch.Tensor {
				one := joined(set)
				one.Q = one.Q.IndexSelect(2, queries[grid].index)
				return columns(one.Mean(), 1, one.Keys, Image)
			}))
		}
		return image.combine(r.Top, opt.DivideUpsampled, func(m torch.Tensor, from Grid) torch.Tensor {
			return upsampleKeys(queries[from].weights.To(m.DType()).Matmul(m), from, r.Top)
		})
	})
}

// sources are the queries of a layer that some pixels of a finer grid are made of.
type sources struct {
	index   torch.Tensor // [s], int64, each once
	weights torch.Tensor // [n,s], float64: bilinear
}

// sourcesOf finds them.
func sourcesOf(pixels []int, from, to Grid, dev torch.Device) *sources {
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
	return &sources{
		index:   torch.FromInt64s(index, int64(len(index))).ToDevice(dev),
		weights: torch.FromFloat64s(weights, int64(len(pixels)), int64(len(index))).ToDevice(dev),
	}
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
