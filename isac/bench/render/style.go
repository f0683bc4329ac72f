package render

import (
	"image/color"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/isac-guidance/isac/isac/graphic"
)

// The palette of Okabe and Ito: told apart with every common kind of colour blindness, and in grey by the marks' shapes.
var (
	black      = color.NRGBA{0, 0, 0, 255}
	orange     = graphic.Orange
	sky        = graphic.Sky
	green      = graphic.Green
	blue       = graphic.Blue
	vermillion = graphic.Vermillion
	purple     = graphic.Purple

	white   = color.NRGBA{255, 255, 255, 255}
	ink     = color.NRGBA{32, 32, 32, 255}
	faint   = color.NRGBA{110, 110, 110, 255}
	rule    = color.NRGBA{225, 225, 225, 255}
	shaded  = color.NRGBA{244, 244, 244, 255}
	neutral = color.NRGBA{120, 120, 120, 255}
)

// Sizes of text in points; a figure of 900 points is 1200 pixels wide, so 12 points are 16 pixels.
const (
	sizeTitle = 15
	sizePanel = 13
	sizeText  = 12
	sizeSmall = 10.5
)

// look is how one method is drawn in every plot: the base is grey, the others take colour and mark in turn.
type look struct {
	color color.NRGBA
	shape draw.GlyphDrawer
	dash  []vg.Length
}

// looks gives each method its look, by its place in methods; base is grey wherever it stands.
func looks(methods []string, base string) map[string]look {
	colors := []color.NRGBA{blue, vermillion, green, purple, orange, sky, black}
	shapes := []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, diamond{}}
	dashes := [][]vg.Length{nil, {vg.Points(7), vg.Points(3)}, {vg.Points(2), vg.Points(2)}}
	all := map[string]look{}
	n := 0
	for _, m := range methods {
		if _, seen := all[m]; seen {
			continue
		}
		if m == base {
			all[m] = look{neutral, draw.CircleGlyph{}, []vg.Length{vg.Points(7), vg.Points(3)}}
			continue
		}
		all[m] = look{colors[n%len(colors)], shapes[n%len(shapes)], dashes[n/len(colors)%len(dashes)]}
		n++
	}
	return all
}

// diamond is a filled square on its corner.
type diamond struct{}

func (diamond) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, at vg.Point) {
	r := sty.Radius * 1.2
	var p vg.Path
	p.Move(vg.Point{X: at.X, Y: at.Y + r})
	p.Line(vg.Point{X: at.X + r, Y: at.Y})
	p.Line(vg.Point{X: at.X, Y: at.Y - r})
	p.Line(vg.Point{X: at.X - r, Y: at.Y})
	p.Close()
	c.Fill(p)
}

// fade gives a colour a translucency, 0 to 1.
func fade(c color.NRGBA, alpha float64) color.NRGBA {
	c.A = uint8(alpha*255 + 0.5)
	return c
}

// lettering is a text style in the one font of the plots.
func lettering(points float64, c color.Color, bold bool) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(points)}
	if bold {
		f.Weight = xfont.WeightBold
	}
	return text.Style{Color: c, Font: f, XAlign: draw.XLeft, YAlign: draw.YBottom, Handler: plot.DefaultTextHandler}
}

// panel is an empty plot in the house style: no box, light horizontal rules, text large enough for a README.
func panel(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	restyle := func(s *text.Style, points float64, c color.Color, bold bool) {
		n := lettering(points, c, bold)
		s.Font, s.Color = n.Font, n.Color
	}
	restyle(&p.Title.TextStyle, sizePanel, ink, true)
	p.Title.Padding = vg.Points(6)
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		restyle(&a.Label.TextStyle, sizeText, ink, false)
		restyle(&a.Tick.Label, sizeSmall, ink, false)
		a.Label.Padding = vg.Points(4)
		a.Color, a.Tick.Color = faint, faint
		a.Width, a.Tick.Width = vg.Points(0.75), vg.Points(0.75)
		a.Tick.Length = vg.Points(4)
		a.Padding = 0
	}
	return p
}
