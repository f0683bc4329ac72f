package mini

import "math"

// grid is a network's answer: channels × height × width numbers.
type grid struct {
	channels, height, width int
	values                  []float32
}

func newGrid(shape []int64, values []float32) grid {
	return grid{channels: int(shape[1]), height: int(shape[2]), width: int(shape[3]), values: values}
}

// at is the number of channel c at pixel i, counted row by row.
func (g grid) at(c, i int) float64 { return float64(g.values[c*g.height*g.width+i]) }

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
