package attention

import (
	"sync"

	"github.com/isac-guidance/isac/isac/torch"
)

// places are sources of pixels that only the device knows: of each the four queries around it, some of them perhaps with the weight 0.
type places struct {
	queries torch.Tensor // int64 [4n], or the pixels themselves, [n], where the layer's grid is the finer one itself
	weights torch.Tensor // float64 [n,4,1], else undefined
}

// placesOf finds them, in the caller's scope.
func placesOf(pixels torch.Tensor, from, to Grid) *places {
	if from == to {
		return &places{queries: pixels}
	}
	of := corners(from, to)
	n := int64(to.Pixels())
	queries := torch.FromInt64s(of.queries, n, 4).ToDevice(pixels.Device()).IndexSelect(0, pixels)
	weights := torch.FromFloat64s(of.weights, n, 4).ToDevice(pixels.Device()).IndexSelect(0, pixels)
	return &places{queries: queries.Reshape(-1), weights: weights.Unsqueeze(2)}
}

func (p *places) index(torch.Device) torch.Tensor { return p.queries }

func (p *places) mean(m torch.Tensor) torch.Tensor {
	if !p.weights.Defined() {
		return m
	}
	return m.Reshape(p.weights.Size(0), 4, -1).Mul(p.weights.To(m.DType())).Sum([]int64{1}, false)
}

// cornersOf are, of every pixel of a grid, the four queries of a coarser one, and their weights: [pixels,4] each.
type cornersOf struct {
	queries []int64
	weights []float64
}

// Corners of grids are the same at each step, and there are few grids: the last ones are kept.
const keptCorners = 16

var kept struct {
	sync.Mutex
	corners map[[2]Grid]*cornersOf
}

func corners(from, to Grid) *cornersOf {
	kept.Lock()
	defer kept.Unlock()
	of := kept.corners[[2]Grid{from, to}]
	if of != nil {
		return of
	}
	of = &cornersOf{}
	for p := range to.Pixels() {
		for _, y := range between(p/to.Width, from.Height, to.Height) {
			for _, x := range between(p%to.Width, from.Width, to.Width) {
				of.queries = append(of.queries, int64(y.at*from.Width+x.at))
				of.weights = append(of.weights, y.weight*x.weight)
			}
		}
	}
	if kept.corners == nil || len(kept.corners) == keptCorners {
		kept.corners = map[[2]Grid]*cornersOf{}
	}
	kept.corners[[2]Grid{from, to}] = of
	return of
}
