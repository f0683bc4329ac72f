package explain

import (
	"image"
	"image/color"

	"github.com/isac-guidance/isac/isac/guidance"
)

// plane makes a picture with one pixel for each cell of a grid.
func plane(height, width int, at func(cell int) color.NRGBA) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range height * width {
		img.SetNRGBA(i%width, i/width, at(i))
	}
	return img
}

// heatMap shows values on a colour scale.
func heatMap(m *guidance.Maps, values []float32, s span) *image.NRGBA {
	return plane(m.Height, m.Width, func(i int) color.NRGBA { return s.colour(values[i]) })
}

// foregroundMap shows M_fg (9).
func foregroundMap(m *guidance.Maps) *image.NRGBA {
	return plane(m.Height, m.Width, func(i int) color.NRGBA {
		if m.Foreground[i] {
			return dark
		}
		return nothing
	})
}

// clusterMap shows the instance that K-means put each pixel into (10).
func clusterMap(m *guidance.Maps) *image.NRGBA {
	return plane(m.Height, m.Width, func(i int) color.NRGBA {
		if m.Labels[i] < 0 {
			return nothing
		}
		return instanceColour(m.Labels[i])
	})
}

// maskMap shows the soft mask M[i] (11) of one instance, the stronger its colour the larger the value.
func maskMap(m *guidance.Maps, instance int, s span) *image.NRGBA {
	return plane(m.Height, m.Width, func(i int) color.NRGBA {
		return blend(nothing, instanceColour(instance), s.place(float64(m.Masks[instance][i])))
	})
}

// masksMap shows all soft masks in one picture: each pixel has the colour of the instance that it was put into, the stronger the
// nearer its mask is to its largest value there.
func masksMap(m *guidance.Maps) *image.NRGBA {
	peaks := make([]span, len(m.Masks))
	for i, label := range m.Labels {
		if label >= 0 {
			peaks[label].over(m.Masks[label][i : i+1])
		}
	}
	return plane(m.Height, m.Width, func(i int) color.NRGBA {
		label := m.Labels[i]
		if label < 0 {
			return nothing
		}
		const faintest = 0.25 // a pixel that its instance hardly holds is still its own
		return blend(nothing, instanceColour(label), faintest+(1-faintest)*peaks[label].place(float64(m.Masks[label][i])))
	})
}

// overlap gives for each pixel the largest product of two planes there: its maximum is the loss, max_{i<j} MPO (6), (8), (12). It
// is nil for fewer than two planes, which cannot overlap.
func overlap(planes [][]float32) []float32 {
	if len(planes) < 2 {
		return nil
	}
	out := make([]float32, len(planes[0]))
	for p := range out {
		first := true
		for i := range planes {
			for _, other := range planes[i+1:] {
				if v := planes[i][p] * other[p]; first || v > out[p] {
					out[p], first = v, false
				}
			}
		}
	}
	return out
}
