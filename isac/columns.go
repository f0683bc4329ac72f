package isac

import "github.com/isac-guidance/isac/isac/torch"

// columns copies each column of t [P,n].
func columns(t torch.Tensor) [][]float32 {
	return split(t.Detach().Float32s(), int(t.Size(1)))
}

// split gives each of n columns of values, which are those of a matrix row by row.
func split[T float32 | float64](values []T, n int) [][]float32 {
	out := make([][]float32, n)
	for i := range out {
		out[i] = make([]float32, len(values)/n)
		for p := range out[i] {
			out[i][p] = float32(values[p*n+i])
		}
	}
	return out
}

// marks tells of each column, which holds zeros and ones, where the ones are; and where any column has one.
func marks(columns [][]float32) (each [][]bool, any []bool) {
	for _, column := range columns {
		if any == nil {
			any = make([]bool, len(column))
		}
		is := make([]bool, len(column))
		for p, v := range column {
			is[p] = v != 0
			any[p] = any[p] || is[p]
		}
		each = append(each, is)
	}
	return each, any
}
