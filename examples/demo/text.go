package main

import (
	"image"
	"image/color"
	"image/draw"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// style is how a text is set.
type style struct {
	bold bool
	size float64 // in pixels
	ink  color.Color
}

// fonts are the Go fonts, which golang.org/x/image holds, so that the sheet looks alike everywhere.
var fonts = sync.OnceValue(func() map[bool]*opentype.Font {
	parsed := map[bool]*opentype.Font{}
	for bold, ttf := range map[bool][]byte{false: goregular.TTF, true: gobold.TTF} {
		f, err := opentype.Parse(ttf)
		if err != nil {
			panic(err) // the font is part of the program
		}
		parsed[bold] = f
	}
	return parsed
})

func (s style) face() font.Face {
	face, err := opentype.NewFace(fonts()[s.bold], &opentype.FaceOptions{Size: s.size, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		panic(err)
	}
	return face
}

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
