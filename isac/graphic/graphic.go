// Package graphic holds what all drawn pictures share: colours that tell things apart, and the faces that text is set in.
package graphic

import (
	"image/color"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
)

// Colours that people of every colour vision tell apart (Okabe and Ito, 2008).
var (
	Orange     = color.NRGBA{0xE6, 0x9F, 0x00, 0xFF}
	Blue       = color.NRGBA{0x00, 0x72, 0xB2, 0xFF}
	Green      = color.NRGBA{0x00, 0x9E, 0x73, 0xFF} // bluish
	Purple     = color.NRGBA{0xCC, 0x79, 0xA7, 0xFF} // reddish
	Sky        = color.NRGBA{0x56, 0xB4, 0xE9, 0xFF}
	Vermillion = color.NRGBA{0xD5, 0x5E, 0x00, 0xFF}
	Yellow     = color.NRGBA{0xF0, 0xE4, 0x42, 0xFF}
)

// Instances are the colours of instances, the strongest contrasts first: instance i has colour i modulo their number.
var Instances = [...]color.NRGBA{Orange, Blue, Green, Purple, Sky, Vermillion, Yellow}

// Font is the Go font, which golang.org/x/image holds, so that sheets look alike everywhere.
func Font(bold bool) *opentype.Font {
	if bold {
		return fonts()[1]
	}
	return fonts()[0]
}

var fonts = sync.OnceValue(func() [2]*opentype.Font {
	var parsed [2]*opentype.Font
	for i, ttf := range [][]byte{goregular.TTF, gobold.TTF} {
		f, err := opentype.Parse(ttf)
		if err != nil {
			panic(err) // the font is part of the program
		}
		parsed[i] = f
	}
	return parsed
})

// Face is the Go font at a size in pixels.
func Face(bold bool, size float64) font.Face {
	face, err := opentype.NewFace(Font(bold), &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		panic(err) // no size makes it fail
	}
	return face
}
