package explain

import (
	"image"
	"image/color"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/guidance"
)

// side is the grid of synthetic maps.
const side = 8

// synthetic is a comparison of two classes and three instances on a grid of 8×8: instance k holds a quarter of the grid, and the
// last quarter is background. Plain runs leak between instances, guided ones less.
func synthetic(count int) *Comparison {
	c := &Comparison{
		Prompt: "A photo of two cats and a dog.", Settings: "synthetic · nothing was sampled",
		Target: guidance.Target{Classes: []guidance.Class{{Name: "cat", Count: 2, Tokens: []int{5}}, {Name: "dog", Count: 1, Tokens: []int{8}}}},
		Shown:  Usual(count),
	}
	for run, r := range c.runs() {
		for i := range count {
			leak := float32(0.3)
			if run == 1 {
				leak *= 1 - float32(i)/float32(count)
			}
			r.Steps = append(r.Steps, Step{Maps: quarters(i, count, leak), Denoised: flat(32, color.NRGBA{uint8(40 + 10*i), 120, 200, 255})})
		}
		r.Image = flat(32, color.NRGBA{200, 120, uint8(40 + 100*run), 255})
	}
	return c
}

// quarter tells which quarter a cell is in: 0 and 1 above, 2 and 3 below.
func quarter(cell int) int { return cell/side/(side/2)*2 + cell%side/(side/2) }

func quarters(i, count int, leak float32) guidance.Maps {
	const cells = side * side
	m := guidance.Maps{Height: side, Width: side, Self: make([]float32, cells*cells), Foreground: make([]bool, cells), Labels: make([]int, cells)}
	m.Cross, m.Prop = [][]float32{make([]float32, cells), make([]float32, cells)}, [][]float32{make([]float32, cells), make([]float32, cells)}
	m.ClassForeground = [][]bool{make([]bool, cells), make([]bool, cells)}
	m.Masks = [][]float32{make([]float32, cells), make([]float32, cells), make([]float32, cells)}
	for p := range cells {
		q := quarter(p)
		for key := range cells {
			v := leak / cells
			if quarter(key) == q {
				v = (1 - leak) / (cells / 4)
			}
			m.Self[p*cells+key] = v
		}
		m.Labels[p], m.Foreground[p] = q, q < 3
		if q == 3 {
			m.Labels[p] = -1
			continue
		}
		class := q / 2
		m.Cross[class][p], m.Prop[class][p] = 1, 0.8
		m.ClassForeground[class][p] = true
		m.Prop[1-class][p] = leak
		for k := range m.Masks {
			m.Masks[k][p] = leak / 4
		}
		m.Masks[q][p] = 1 - leak
	}
	m.InstancePeak = &guidance.Peak{Pixel: 2*side + 3, First: 0, Second: 1, Value: float64(leak / 4 * (1 - leak))}
	m.ClassPeak = &guidance.Peak{Pixel: 5*side + 1, First: 0, Second: 1, Value: float64(0.8 * leak)}
	m.Report = guidance.Report{
		Step: guidance.Step{Index: i, Count: count}, Losses: []guidance.Loss{{Name: isac.LossInstance, Value: m.InstancePeak.Value}, {Name: isac.LossClass, Value: m.ClassPeak.Value}},
		Foreground: cells * 3 / 4, Height: side, Width: side,
	}
	return m
}

func flat(side int, c color.NRGBA) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, side, side))
	for i := range side * side {
		img.SetNRGBA(i%side, i/side, c)
	}
	return img
}
