package nodes

import (
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// lanczos resizes x [B,3,H,W] in 0..1 with Lanczos' kernel of three lobes, along rows and then along columns. Values are bytes before, between and
// after, and weights have 22 bits, as in Pillow, so that pictures are the same.
func lanczos(x torch.Tensor, width, height int) torch.Tensor {
	shape := x.Shape()
	planes, h, w := int(shape[0]*shape[1]), int(shape[2]), int(shape[3])
	values := x.Contiguous().Float32s()
	out := make([]float32, 0, planes*width*height)
	across, down := lanczosTaps(w, width), lanczosTaps(h, height)
	for p := range planes {
		plane := make([]uint8, h*w)
		for i, v := range values[p*h*w : (p+1)*h*w] {
			plane[i] = byteOf(float64(v))
		}
		if width != w {
			plane = filterRows(plane, w, across)
		}
		if height != h {
			plane = transposed(filterRows(transposed(plane, width), h, down), height)
		}
		for _, v := range plane {
			out = append(out, float32(v)/255)
		}
	}
	return torch.FromFloat32s(out, shape[0], shape[1], int64(height), int64(width))
}

// taps are where a new pixel's values come from, with weights whose sum is 1<<weightBits.
type taps struct {
	first   int
	weights []int64
}

const (
	weightBits = 22
	lobes      = 3.0
)

// lanczosTaps are the taps along a side that goes from length to longer or shorter.
func lanczosTaps(from, to int) []taps {
	scale := float64(from) / float64(to)
	wide := max(scale, 1)
	support := lobes * wide
	all := make([]taps, to)
	for i := range all {
		centre := (float64(i) + 0.5) * scale
		first, end := max(int(centre-support+0.5), 0), min(int(centre+support+0.5), from)
		weights := make([]float64, end-first)
		sum := 0.0
		for j := range weights {
			weights[j] = lanczosKernel((float64(j+first) - centre + 0.5) / wide)
			sum += weights[j]
		}
		all[i] = taps{first: first, weights: make([]int64, len(weights))}
		for j, v := range weights {
			if sum != 0 {
				v /= sum
			}
			all[i].weights[j] = int64(v*(1<<weightBits) + math.Copysign(0.5, v))
		}
	}
	return all
}

// lanczosKernel is sinc(x)·sinc(x/3) within three lobes.
func lanczosKernel(x float64) float64 {
	if x < -lobes || x >= lobes {
		return 0
	}
	sinc := func(v float64) float64 {
		if v == 0 {
			return 1
		}
		return math.Sin(v*math.Pi) / (v * math.Pi)
	}
	return sinc(x) * sinc(x/lobes)
}

// filterRows gives rows of width bytes as rows of len(to).
func filterRows(plane []uint8, width int, to []taps) []uint8 {
	rows := len(plane) / width
	out := make([]uint8, rows*len(to))
	for r := range rows {
		row := plane[r*width : (r+1)*width]
		for i, t := range to {
			sum := int64(1) << (weightBits - 1)
			for j, weight := range t.weights {
				sum += weight * int64(row[t.first+j])
			}
			out[r*len(to)+i] = uint8(min(max(sum>>weightBits, 0), 255))
		}
	}
	return out
}

// transposed turns rows of width into columns.
func transposed(plane []uint8, width int) []uint8 {
	rows := len(plane) / width
	out := make([]uint8, len(plane))
	for r := range rows {
		for c := range width {
			out[c*rows+r] = plane[r*width+c]
		}
	}
	return out
}
