package nodes

import (
	"image"
	"image/color"

	"github.com/isac-guidance/isac/isac/graphic"
	"github.com/isac-guidance/isac/isac/guidance"
)

// palette is that of instances: instance i has colour i modulo its length.
var palette = graphic.Instances

// background is what lies where no instance is, when masks are painted on their own.
var background = color.NRGBA{0xEC, 0xEC, 0xEC, 0xFF}

// How strongly an instance covers what is below: the weakest pixel of its cluster, and the strongest.
const (
	faintest    = 0.40
	strongest   = 1.00
	overPicture = 0.65 // both are multiplied by this when a picture is below
)

// painter paints the instance masks of one report at a size of width×height pixels.
type painter struct {
	width, height int
	// smooth interpolates between the grid's cells; without it each cell is a block.
	smooth bool
	// below is a picture of that size to paint over; nil for an even grey.
	below *image.NRGBA
}

// paint draws each instance in its colour: a pixel belongs to the instance that K-means put it into (10), and is the more
// opaque the larger its soft mask M[i] (11) is there. A report without masks leaves what is below as it was.
func (p painter) paint(r guidance.Report) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, p.width, p.height))
	cover := covers(r)
	for y := range p.height {
		for x := range p.width {
			c, scale := background, 1.0
			if p.below != nil {
				c, scale = p.below.NRGBAAt(p.below.Rect.Min.X+x, p.below.Rect.Min.Y+y), overPicture
			}
			left := 1.0
			var rgb [3]float64
			for i, plane := range cover {
				a := scale * p.sample(plane, r.Width, r.Height, x, y)
				paint := palette[i%len(palette)]
				rgb[0], rgb[1], rgb[2] = rgb[0]+a*float64(paint.R), rgb[1]+a*float64(paint.G), rgb[2]+a*float64(paint.B)
				left -= a
			}
			out.SetNRGBA(x, y, color.NRGBA{
				mix(rgb[0], left, c.R), mix(rgb[1], left, c.G), mix(rgb[2], left, c.B), 0xFF,
			})
		}
	}
	return out
}

func mix(painted, left float64, below uint8) uint8 {
	return uint8(min(max(painted+left*float64(below), 0), 255))
}

// covers gives for each instance how strongly it covers each cell of the grid; the instances' planes do not overlap.
func covers(r guidance.Report) [][]float64 {
	planes := make([][]float64, len(r.Masks))
	for i, mask := range r.Masks {
		peak := float32(0)
		for p, label := range r.Labels {
			if label == i {
				peak = max(peak, mask[p])
			}
		}
		planes[i] = make([]float64, r.Height*r.Width)
		for p, label := range r.Labels {
			if label != i {
				continue
			}
			planes[i][p] = strongest
			if peak > 0 {
				planes[i][p] = faintest + (strongest-faintest)*float64(mask[p]/peak)
			}
		}
	}
	return planes
}

// sample reads a plane of w×h cells at pixel (x, y) of the painter's size; cells and pixels are squares of one picture, so
// their centres, not their corners, are what is interpolated between.
func (p painter) sample(plane []float64, w, h, x, y int) float64 {
	gx := (float64(x)+0.5)*float64(w)/float64(p.width) - 0.5
	gy := (float64(y)+0.5)*float64(h)/float64(p.height) - 0.5
	if !p.smooth {
		return plane[clampInt(int(gy+0.5), h)*w+clampInt(int(gx+0.5), w)]
	}
	gx, gy = max(gx, 0), max(gy, 0)
	x0, y0 := int(gx), int(gy)
	fx, fy := gx-float64(x0), gy-float64(y0)
	at := func(x, y int) float64 { return plane[clampInt(y, h)*w+clampInt(x, w)] }
	top := at(x0, y0)*(1-fx) + at(x0+1, y0)*fx
	bottom := at(x0, y0+1)*(1-fx) + at(x0+1, y0+1)*fx
	return top*(1-fy) + bottom*fy
}

func clampInt(i, n int) int { return min(max(i, 0), n-1) }
