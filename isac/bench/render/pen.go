package render

import (
	"image"
	"image/color"
	"image/draw"
	"sync"

	"golang.org/x/image/font"
	xfixed "golang.org/x/image/math/fixed"

	"github.com/isac-guidance/isac/isac/graphic"
)

// pen draws rectangles and text on pixels.
type pen struct{ on *image.RGBA }

func newPage(width, height int) pen {
	page := pen{image.NewRGBA(image.Rect(0, 0, width, height))}
	page.fill(page.on.Bounds(), white)
	return page
}

func (p pen) fill(r image.Rectangle, c color.Color) {
	draw.Draw(p.on, r, image.NewUniform(c), image.Point{}, draw.Over)
}

// frame draws the outline of r, width pixels thick, inwards.
func (p pen) frame(r image.Rectangle, width int, c color.Color) {
	p.fill(image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+width), c)
	p.fill(image.Rect(r.Min.X, r.Max.Y-width, r.Max.X, r.Max.Y), c)
	p.fill(image.Rect(r.Min.X, r.Min.Y+width, r.Min.X+width, r.Max.Y-width), c)
	p.fill(image.Rect(r.Max.X-width, r.Min.Y+width, r.Max.X, r.Max.Y-width), c)
}

// text writes s with its upper left corner at (x, y).
func (p pen) text(face font.Face, x, y int, s string, c color.Color) {
	d := font.Drawer{Dst: p.on, Src: image.NewUniform(c), Face: face, Dot: xfixed.P(x, y+face.Metrics().Ascent.Ceil())}
	d.DrawString(s)
}

func textWidth(face font.Face, s string) int { return font.MeasureString(face, s).Ceil() }

func lineHeight(face font.Face) int { return face.Metrics().Height.Ceil() }

// faces are the gallery's lettering, the Go fonts.
type faces struct{ title, bold, text, label font.Face }

var goFaces = sync.OnceValue(func() faces {
	return faces{title: graphic.Face(true, 22), bold: graphic.Face(true, 17), text: graphic.Face(false, 16), label: graphic.Face(false, 15)}
})
