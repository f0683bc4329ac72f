package main

import (
	"image"
	"image/color"
	"image/draw"

	"golang.org/x/image/font"
	"golang.org/x/image/math/fixed"

	"github.com/isac-guidance/isac/isac/graphic"
)

// style is how a text is set.
type style struct {
	bold bool
	size float64 // in pixels
	ink  color.Color
}

func (s style) face() font.Face { return graphic.Face(s.bold, s.size) }

// width is a text's width in pixels.
func (s style) width(text string) int { return font.MeasureString(s.face(), text).Ceil() }

// lineHeight is the distance from one line to the next, in pixels.
func (s style) lineHeight() int { return int(s.size*1.5 + 0.5) }

// draw sets a text with the upper left corner of its line at (x, y).
func (s style) draw(img draw.Image, x, y int, text string) {
	face := s.face()
	metrics := face.Metrics()
	rest := fixed.I(s.lineHeight()) - metrics.Ascent - metrics.Descent
	d := font.Drawer{Dst: img, Src: image.NewUniform(s.ink), Face: face, Dot: fixed.P(x, y)}
	d.Dot.Y += rest/2 + metrics.Ascent
	d.DrawString(text)
}
