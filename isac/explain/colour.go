package explain

import (
	"image/color"
	"math"
	"sync"

	"gonum.org/v1/plot/palette/moreland"

	"github.com/isac-guidance/isac/isac/graphic"
)

var (
	paper = color.NRGBA{0xFF, 0xFF, 0xFF, 0xFF}
	ink   = color.NRGBA{0x1B, 0x1F, 0x24, 0xFF}
	quiet = color.NRGBA{0x57, 0x60, 0x6A, 0xFF}
	frame = color.NRGBA{0xD0, 0xD7, 0xDE, 0xFF}
	// nothing lies where no instance is; dark marks the foreground.
	nothing = color.NRGBA{0xEC, 0xEC, 0xEC, 0xFF}
	dark    = color.NRGBA{0x3D, 0x4A, 0x57, 0xFF}
)

// runInk are the colours of the two runs in plots.
var runInk = [2]color.NRGBA{{0x6A, 0x73, 0x7D, 0xFF}, graphic.Blue}

// palette is that of instances, as the node ISACMasks uses it.
var palette = graphic.Instances

func instanceColour(i int) color.NRGBA { return palette[i%len(palette)] }

// heat is a colour for each of 256 values, from black over violet and orange to white; its lightness grows evenly.
var heat = sync.OnceValue(func() [256]color.NRGBA {
	scale := moreland.ExtendedBlackBody()
	scale.SetMin(0)
	scale.SetMax(255)
	var table [256]color.NRGBA
	for i := range table {
		c, err := scale.At(float64(i))
		if err != nil {
			panic(err) // the values are within the scale
		}
		table[i] = color.NRGBAModel.Convert(c).(color.NRGBA)
	}
	return table
})

// span is the range of values that a colour scale covers.
type span struct{ low, high float64 }

// over widens the span to hold values; those that are not finite are left out.
func (s *span) over(values []float32) {
	for _, v := range values {
		if f := float64(v); !math.IsNaN(f) && !math.IsInf(f, 0) {
			s.low, s.high = min(s.low, f), max(s.high, f)
		}
	}
}

// emptySpan holds nothing yet.
func emptySpan() span { return span{math.Inf(1), math.Inf(-1)} }

// place gives where a value lies in the span, 0..1; in an empty span, or one of a single value, everything lies at 0.
func (s span) place(v float64) float64 {
	if !(s.high > s.low) || math.IsNaN(v) {
		return 0
	}
	return min(max((v-s.low)/(s.high-s.low), 0), 1)
}

func (s span) colour(v float32) color.NRGBA { return heat()[int(s.place(float64(v))*255+0.5)] }

// blend gives the colour that is amount of the way from one to another.
func blend(from, to color.NRGBA, amount float64) color.NRGBA {
	mix := func(a, b uint8) uint8 { return uint8(float64(a) + amount*(float64(b)-float64(a)) + 0.5) }
	return color.NRGBA{mix(from.R, to.R), mix(from.G, to.G), mix(from.B, to.B), 0xFF}
}
