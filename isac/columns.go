package isac

import "github.com/isac-guidance/isac/isac/torch"

// columns copies each column of t [P,n].
func columns(t torch.Tensor) [][]float32 {
	n := int(t.Size(1))
	values := t.Detach().Float32s()
	out := make([][]float32, n)
	for i := range out {
		out[i] = make([]float32, len(values)/n)
		for p := range out[i] {
			out[i][p] = values[p*n+i]
		}
	}
	return out
}

// marks tells of each column of t [P,n], which holds zeros and ones, where the ones are; and where any column has one.
func marks(t torch.Tensor) (each [][]bool, any []bool) {
	for _, column := range columns(t) {
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
