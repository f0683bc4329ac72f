package render

import (
	"image"
	"image/color"
	"math"

	"golang.org/x/image/font"

	"github.com/isac-guidance/isac/isac/bench/detect"
	"github.com/isac-guidance/isac/isac/bench/score"
)

// classColors gives the wanted classes of a prompt a colour each; classes that nobody asked for are black.
func classColors(wanted []score.Wanted) map[string]color.NRGBA {
	colors := []color.NRGBA{blue, vermillion, green, purple, orange, sky}
	of := map[string]color.NRGBA{}
	for i, w := range wanted {
		if _, ok := of[w.Class]; !ok {
			of[w.Class] = colors[i%len(colors)]
		}
	}
	return of
}

// boxes draws the agreed objects of a picture that lies at area, enlarged by scale, with their class words.
func (p pen) boxes(face font.Face, area image.Rectangle, scale float64, found []detect.Detection, colors map[string]color.NRGBA) {
	var taken []image.Rectangle
	frames := make([]image.Rectangle, len(found))
	for i, d := range found {
		pixel := func(v float64, from int) int { return from + int(math.Round(v*scale)) }
		frames[i] = image.Rect(pixel(d.Box.X0, area.Min.X), pixel(d.Box.Y0, area.Min.Y),
			pixel(d.Box.X1, area.Min.X), pixel(d.Box.Y1, area.Min.Y)).Intersect(area)
		p.frame(frames[i].Inset(-1).Intersect(area), 4, white) // a light edge, so that the box shows on any ground
		p.frame(frames[i], 2, classColor(colors, d.Class))
	}
	for i, d := range found {
		size := image.Pt(textWidth(face, d.Class)+6, lineHeight(face))
		at := labelPlace(frames[i], size, area, taken)
		taken = append(taken, at)
		c := classColor(colors, d.Class)
		p.fill(at, c)
		p.text(face, at.Min.X+3, at.Min.Y, d.Class, contrastTo(c))
	}
}

// labelPlace finds room for a label of the given size at a box, within area and off the labels that stand already.
func labelPlace(box image.Rectangle, size image.Point, area image.Rectangle, taken []image.Rectangle) image.Rectangle {
	candidates := []image.Point{
		{box.Min.X, box.Min.Y - size.Y}, {box.Min.X, box.Min.Y}, {box.Max.X - size.X, box.Min.Y},
		{box.Min.X, box.Max.Y - size.Y}, {box.Max.X - size.X, box.Max.Y - size.Y}, {box.Min.X, box.Max.Y},
	}
	for y := box.Min.Y; y+size.Y <= area.Max.Y; y += size.Y { // many boxes in one place: their labels in a column
		candidates = append(candidates, image.Pt(box.Min.X, y))
	}
	first := shift(image.Rectangle{Min: candidates[0], Max: candidates[0].Add(size)}, area)
	for _, at := range candidates {
		r := shift(image.Rectangle{Min: at, Max: at.Add(size)}, area)
		free := true
		for _, t := range taken {
			free = free && !t.Overlaps(r)
		}
		if free {
			return r
		}
	}
	return first
}

// shift moves r into area; what is wider than area starts at its left edge.
func shift(r, area image.Rectangle) image.Rectangle {
	if over := r.Max.X - area.Max.X; over > 0 {
		r = r.Sub(image.Pt(over, 0))
	}
	if over := r.Max.Y - area.Max.Y; over > 0 {
		r = r.Sub(image.Pt(0, over))
	}
	if under := area.Min.X - r.Min.X; under > 0 {
		r = r.Add(image.Pt(under, 0))
	}
	if under := area.Min.Y - r.Min.Y; under > 0 {
		r = r.Add(image.Pt(0, under))
	}
	return r
}

func classColor(colors map[string]color.NRGBA, class string) color.NRGBA {
	if c, ok := colors[class]; ok {
		return c
	}
	return black
}

// contrastTo is black or white, whichever reads better on c.
func contrastTo(c color.NRGBA) color.NRGBA {
	if 299*int(c.R)+587*int(c.G)+114*int(c.B) > 140*1000 {
		return black
	}
	return white
}
