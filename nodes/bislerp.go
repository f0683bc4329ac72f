package nodes

import (
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// bislerp resizes x [B,C,H,W] along rows and then along columns. Between two places the direction of the vector of channels goes along the
// great circle, and its length along the straight line, so that a latent between two is as strong as they are.
func bislerp(x torch.Tensor, width, height int64) torch.Tensor {
	rows := slerpRows(x, width)
	return slerpRows(rows.Transpose(2, 3), height).Transpose(2, 3).Contiguous()
}

// slerpRows does one side, [B,C,H,W] → [B,C,H,width].
func slerpRows(x torch.Tensor, width int64) torch.Tensor {
	shape := x.Shape()
	batch, channels, height, old := int(shape[0]), int(shape[1]), int(shape[2]), int(shape[3])
	values := x.To(torch.Float32).Contiguous().Float32s()
	at, next := places(old, width, 0), places(old, width, 1)
	out := make([]float32, batch*channels*height*int(width))
	a, b := make([]float64, channels), make([]float64, channels)
	for n := range batch {
		for row := range height {
			for i := range int(width) {
				left, right := int(at[i]), int(next[i])
				share := float64(at[i]) - math.Floor(float64(at[i]))
				for c := range channels {
					line := values[((n*channels+c)*height+row)*old:]
					a[c], b[c] = float64(line[left]), float64(line[right])
				}
				for c, v := range slerp(a, b, share) {
					out[((n*channels+c)*height+row)*int(width)+i] = float32(v)
				}
			}
		}
	}
	return torch.FromFloat32s(out, shape[0], shape[1], shape[2], width)
}

// places are where the new pixels lie among old ones, or among those one further, of which the last counts twice.
func places(old int, width int64, further float32) []float32 {
	at := make([]float32, old)
	for i := range at {
		at[i] = float32(i) + further
	}
	at[old-1] = float32(old - 1)
	return torch.UpsampleBilinear2d(torch.FromFloat32s(at, 1, 1, 1, int64(old)), 1, width, false).Float32s()
}

// slerp goes from a to b by share. Vectors of one direction give a, and opposite ones the straight line.
func slerp(a, b []float64, share float64) []float64 {
	lengthA, lengthB, dot := norm(a), norm(b), 0.0
	if lengthA > 0 && lengthB > 0 {
		for i := range a {
			dot += a[i] / lengthA * (b[i] / lengthB)
		}
	}
	out := make([]float64, len(a))
	if dot > 1-alike {
		copy(out, a)
		return out
	}
	if dot < alike-1 {
		for i := range out {
			out[i] = a[i]*(1-share) + b[i]*share
		}
		return out
	}
	angle := math.Acos(dot)
	length := lengthA*(1-share) + lengthB*share
	fromA, fromB := math.Sin((1-share)*angle)/math.Sin(angle), math.Sin(share*angle)/math.Sin(angle)
	for i := range out {
		unitA, unitB := 0.0, 0.0
		if lengthA > 0 {
			unitA = a[i] / lengthA
		}
		if lengthB > 0 {
			unitB = b[i] / lengthB
		}
		out[i] = (fromA*unitA + fromB*unitB) * length
	}
	return out
}

// alike is how near to 1 or −1 a cosine is of directions between which there is no one great circle.
const alike = 1e-5

func norm(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x * x
	}
	return math.Sqrt(sum)
}
