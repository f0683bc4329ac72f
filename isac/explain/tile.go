package explain

import (
	"image"
	"image/color"

	"golang.org/x/image/draw"

	"github.com/isac-guidance/isac/isac/guidance"
)

// tile is one picture of a sheet. The zero tile is an empty place; one with a note alone says why nothing is there.
type tile struct {
	picture image.Image
	// caption stands below; strong sets it in bold.
	caption string
	strong  bool
	note    string
	// grid is the size of the cells that outline and peak speak of.
	grid image.Point
	// outline, if not nil, says which cells are within a line that is drawn over the picture.
	outline []bool
	// peak is the cell that is marked, nil for none.
	peak *guidance.Peak
}

// mapTile is a tile whose picture has one pixel for each cell of m.
func mapTile(m *guidance.Maps, picture image.Image, caption string) tile {
	return tile{picture: picture, caption: caption, grid: image.Pt(m.Width, m.Height)}
}

// draw draws the tile into a box. Pictures are enlarged by whole cells, and smoothly where they are shrunk or do not fit evenly.
func (t tile) draw(dst *image.RGBA, box image.Rectangle) {
	if t.picture == nil && t.note == "" {
		return
	}
	draw.Draw(dst, box.Inset(-1), image.NewUniform(frame), image.Point{}, draw.Src)
	if t.picture == nil {
		draw.Draw(dst, box, image.NewUniform(paper), image.Point{}, draw.Src)
		lines := faint.wrap(t.note, box.Dx()-12, max(1, box.Dy()/faint.line()))
		y := box.Min.Y + (box.Dy()-len(lines)*faint.line())/2
		for _, text := range lines {
			faint.centred(dst, image.Rect(box.Min.X, y, box.Max.X, y+faint.line()), text)
			y += faint.line()
		}
		return
	}
	size := t.picture.Bounds()
	isMap := t.grid != image.Point{}
	var scale draw.Scaler = draw.CatmullRom
	if isMap || box.Dx()%size.Dx() == 0 && box.Dy()%size.Dy() == 0 {
		scale = draw.NearestNeighbor
	}
	scale.Scale(dst, box, t.picture, size, draw.Src, nil)
	if t.outline != nil {
		t.drawOutline(dst, box)
	}
	if t.peak != nil {
		mark(dst, t.cell(box, t.peak.Pixel), box)
	}
}

// cell is where a cell of the grid lies in a box.
func (t tile) cell(box image.Rectangle, at int) image.Rectangle {
	x, y := at%t.grid.X, at/t.grid.X
	return image.Rect(
		box.Min.X+x*box.Dx()/t.grid.X, box.Min.Y+y*box.Dy()/t.grid.Y,
		box.Min.X+(x+1)*box.Dx()/t.grid.X, box.Min.Y+(y+1)*box.Dy()/t.grid.Y)
}

// drawOutline draws a line where cells within the outline end, inside them.
func (t tile) drawOutline(dst *image.RGBA, box image.Rectangle) {
	line := image.NewUniform(color.NRGBA{0x56, 0xD9, 0xE9, 0xFF})
	within := func(x, y int) bool {
		return x >= 0 && y >= 0 && x < t.grid.X && y < t.grid.Y && t.outline[y*t.grid.X+x]
	}
	for at, inside := range t.outline {
		if !inside {
			continue
		}
		x, y := at%t.grid.X, at/t.grid.X
		c := t.cell(box, at)
		side := func(r image.Rectangle) { draw.Draw(dst, r, line, image.Point{}, draw.Src) }
		if !within(x, y-1) {
			side(image.Rect(c.Min.X, c.Min.Y, c.Max.X, c.Min.Y+1))
		}
		if !within(x, y+1) {
			side(image.Rect(c.Min.X, c.Max.Y-1, c.Max.X, c.Max.Y))
		}
		if !within(x-1, y) {
			side(image.Rect(c.Min.X, c.Min.Y, c.Min.X+1, c.Max.Y))
		}
		if !within(x+1, y) {
			side(image.Rect(c.Max.X-1, c.Min.Y, c.Max.X, c.Max.Y))
		}
	}
}

// markInk is what the marker is drawn in, markEdge what sets it off from what is below.
var markInk, markEdge = color.NRGBA{0x00, 0xE0, 0x6A, 0xFF}, color.NRGBA{0x00, 0x00, 0x00, 0xFF}

// mark frames a cell, at a little distance so that its own colour stays to be seen, and points at it from four sides. At a border
// it stands out of the box a little.
func mark(dst *image.RGBA, cell, box image.Rectangle) {
	const gap, thick, arm, least, out = 2, 2, 8, 8, between - 2
	inner := cell.Inset(-max(gap, (least-cell.Dx()+1)/2))
	outer := inner.Inset(-thick)
	box = box.Inset(-out)
	x, y := (cell.Min.X+cell.Max.X)/2, (cell.Min.Y+cell.Max.Y)/2
	bars := []image.Rectangle{
		image.Rect(outer.Min.X, outer.Min.Y, outer.Max.X, inner.Min.Y), image.Rect(outer.Min.X, inner.Max.Y, outer.Max.X, outer.Max.Y),
		image.Rect(outer.Min.X, inner.Min.Y, inner.Min.X, inner.Max.Y), image.Rect(inner.Max.X, inner.Min.Y, outer.Max.X, inner.Max.Y),
		image.Rect(x-1, outer.Min.Y-arm, x+1, outer.Min.Y), image.Rect(x-1, outer.Max.Y, x+1, outer.Max.Y+arm),
		image.Rect(outer.Min.X-arm, y-1, outer.Min.X, y+1), image.Rect(outer.Max.X, y-1, outer.Max.X+arm, y+1),
	}
	for _, b := range bars {
		draw.Draw(dst, b.Inset(-1).Intersect(box), image.NewUniform(markEdge), image.Point{}, draw.Src)
	}
	for _, b := range bars {
		draw.Draw(dst, b.Intersect(box), image.NewUniform(markInk), image.Point{}, draw.Src)
	}
}
