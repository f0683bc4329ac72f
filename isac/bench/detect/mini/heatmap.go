package mini

import (
	"math"

	"github.com/isac-guidance/isac/isac/bench/detect"
)

// unit is the length in pixels whose logarithm the network calls 0.
const unit = 8.0

// peaks reads a heatmap network's answer: every cell that is the greatest of the 3 × 3 around it in its class's map, at a score of
// at least s.Score, is a centre.
func peaks(g grid, classes []string, s heatmapSettings) []detect.Detection {
	var found []detect.Detection
	side := 2 * float64(g.width)
	for c, class := range classes {
		for i := range g.height * g.width {
			score := sigmoid(g.at(c, i))
			if score < s.Score || !g.peak(c, i) {
				continue
			}
			x, y := float64(2*(i%g.width)+1), float64(2*(i/g.width)+1)
			reach := func(d int) float64 { return unit * math.Exp(g.at(len(classes)+d, i)) }
			clip := func(v float64) float64 { return min(max(v, 0), side) }
			found = append(found, detect.Detection{Class: class, Score: score, Box: detect.Box{
				X0: clip(x - reach(0)), Y0: clip(y - reach(1)), X1: clip(x + reach(2)), Y1: clip(y + reach(3)),
			}})
		}
	}
	return detect.Suppress(found, s.Overlap)
}

// peak says whether no neighbour of pixel i is greater in channel c.
func (g grid) peak(c, i int) bool {
	row, column := i/g.width, i%g.width
	for y := max(row-1, 0); y <= min(row+1, g.height-1); y++ {
		for x := max(column-1, 0); x <= min(column+1, g.width-1); x++ {
			if g.at(c, y*g.width+x) > g.at(c, i) {
				return false
			}
		}
	}
	return true
}
