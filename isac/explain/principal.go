package explain

import (
	"cmp"
	"errors"
	"image"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/isac-guidance/isac/isac/guidance"
)

// keysSide is the side of the grid that keys are pooled to, so that the covariance stays small: 256×256 whatever the map is.
const keysSide = 16

// trim is the part of values, at either end, that may lie outside the colour scale: a few odd pixels shall not take all of it.
const trim = 0.01

// selfMaps shows self-attention maps SA of one step as colours: the rows' first three principal components are red, green and
// blue, so that pixels that attend alike look alike (the paper's figure 2). All maps share their components and their scale: a
// colour means the same in each. It gives one picture for each, nil where there is no map.
func selfMaps(seen []*guidance.Maps) ([]*image.NRGBA, error) {
	out := make([]*image.NRGBA, len(seen))
	var from []int // where in seen the rows of each map come from
	var rows [][]float64
	for at, m := range seen {
		if len(m.Self) == 0 {
			continue
		}
		if len(rows) > 0 && len(rows[0]) != len(pooled(m, 0)) {
			return nil, errors.New("explain: the self-attention maps of the two runs are on different grids")
		}
		for i := range m.Height * m.Width {
			rows = append(rows, pooled(m, i))
		}
		from = append(from, at)
	}
	if len(from) == 0 {
		return out, nil
	}
	scores, err := principal(rows)
	if err != nil {
		return nil, err
	}
	first := 0
	for _, at := range from {
		m := seen[at]
		out[at] = plane(m.Height, m.Width, func(i int) color.NRGBA {
			s := scores[first+i]
			return color.NRGBA{s[0], s[1], s[2], 0xFF}
		})
		first += m.Height * m.Width
	}
	return out, nil
}

// pooled is the row of one query of SA, its keys averaged on a grid of at most keysSide.
func pooled(m *guidance.Maps, query int) []float64 {
	height, width := min(m.Height, keysSide), min(m.Width, keysSide)
	cells := m.Height * m.Width
	sums, counts := make([]float64, height*width), make([]float64, height*width)
	for key, v := range m.Self[query*cells : (query+1)*cells] {
		at := (key/m.Width)*height/m.Height*width + (key%m.Width)*width/m.Width
		sums[at] += float64(v)
		counts[at]++
	}
	for i := range sums {
		sums[i] /= counts[i]
	}
	return sums
}

// principal projects rows on their first three principal components and spreads each over 0..255. A component without variance
// is 128 throughout. The sign of a component is the one that makes its largest loading positive.
func principal(rows [][]float64) ([][3]uint8, error) {
	n, d := len(rows), len(rows[0])
	mean := make([]float64, d)
	for _, row := range rows {
		for j, v := range row {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, errors.New("explain: the self-attention map holds values that are not finite")
			}
			mean[j] += v / float64(n)
		}
	}
	centred := mat.NewDense(n, d, nil)
	for i, row := range rows {
		for j, v := range row {
			centred.Set(i, j, v-mean[j])
		}
	}
	var covariance mat.SymDense
	covariance.SymOuterK(1/float64(n), centred.T())
	var eigen mat.EigenSym
	if !eigen.Factorize(&covariance, true) {
		return nil, errors.New("explain: the principal components of self-attention were not found")
	}
	values := eigen.Values(nil) // ascending
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)

	out := make([][3]uint8, n)
	projected := make([]float64, n)
	for c := range 3 {
		column := d - 1 - c
		// Below this share of the first component there is rounding only.
		if column < 0 || !(values[column] > 1e-9*values[d-1]) {
			for i := range out {
				out[i][c] = 128
			}
			continue
		}
		v := mat.Col(nil, column, &vectors)
		sign := 1.0
		if slices.MaxFunc(v, func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) }) < 0 {
			sign = -1
		}
		var product mat.VecDense
		product.MulVec(centred, mat.NewVecDense(d, v))
		for i := range projected {
			projected[i] = sign * product.AtVec(i)
		}
		order := slices.Sorted(slices.Values(projected))
		cut := int(trim * float64(n))
		s := span{order[cut], order[n-1-cut]}
		if !(s.high > s.low) {
			s = span{order[0], order[n-1]}
		}
		for i, p := range projected {
			out[i][c] = uint8(s.place(p)*255 + 0.5)
		}
	}
	return out, nil
}
