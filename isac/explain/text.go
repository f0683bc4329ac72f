package explain

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/math/fixed"

	"github.com/isac-guidance/isac/isac/graphic"
)

// style is how text is set.
type style struct {
	bold bool
	size float64 // in pixels
	ink  color.Color
}

// The styles of all sheets.
var (
	heading  = style{bold: true, size: 30, ink: ink}
	lead     = style{size: 21, ink: ink}
	remark   = style{size: 15, ink: quiet}
	label    = style{bold: true, size: 17, ink: ink}
	caption  = style{size: 14, ink: ink}
	number   = style{bold: true, size: 14, ink: ink}
	faint    = style{size: 13, ink: quiet}
	sideName = [2]style{{bold: true, size: 21, ink: runInk[0]}, {bold: true, size: 21, ink: runInk[1]}}
)

func (s style) face() font.Face { return graphic.Face(s.bold, s.size) }

// width is a text's width in pixels.
func (s style) width(text string) int { return font.MeasureString(s.face(), text).Ceil() }

// line is the distance from one line to the next, in pixels.
func (s style) line() int { return int(s.size*1.4 + 0.5) }

// draw sets a text with the upper left corner of its line at (x, y).
func (s style) draw(dst draw.Image, x, y int, text string) {
	face := s.face()
	metrics := face.Metrics()
	spare := fixed.I(s.line()) - metrics.Ascent - metrics.Descent
	d := font.Drawer{Dst: dst, Src: image.NewUniform(s.ink), Face: face, Dot: fixed.P(x, y)}
	d.Dot.Y += spare/2 + metrics.Ascent
	d.DrawString(text)
}

// centred sets a text in the middle of a box, cut to its width.
func (s style) centred(dst draw.Image, box image.Rectangle, text string) {
	text = s.cut(text, box.Dx())
	s.draw(dst, box.Min.X+(box.Dx()-s.width(text))/2, box.Min.Y+(box.Dy()-s.line())/2, text)
}

// cut shortens a text to a width, with an ellipsis where it had to.
func (s style) cut(text string, width int) string {
	if s.width(text) <= width {
		return text
	}
	letters := []rune(text)
	for len(letters) > 0 {
		letters = letters[:len(letters)-1]
		if short := strings.TrimRight(string(letters), " ") + "…"; s.width(short) <= width {
			return short
		}
	}
	return ""
}

// wrap breaks a text between words into at most most lines of a width; the last is cut where more would be needed.
func (s style) wrap(text string, width, most int) []string {
	var lines []string
	words := strings.Fields(text)
	for len(words) > 0 {
		if len(lines) == most-1 {
			return append(lines, s.cut(strings.Join(words, " "), width))
		}
		n := 1
		for n < len(words) && s.width(strings.Join(words[:n+1], " ")) <= width {
			n++
		}
		lines = append(lines, s.cut(strings.Join(words[:n], " "), width))
		words = words[n:]
	}
	return lines
}

// short writes a number with three figures that count.
func short(v float64) string { return fmt.Sprintf("%.3g", v) }
