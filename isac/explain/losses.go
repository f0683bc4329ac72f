package explain

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"sync"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"gonum.org/v1/plot"
	plotfont "gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	plotdraw "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/isac-guidance/isac/isac/graphic"
	"github.com/isac-guidance/isac/isac/guidance"
)

// Losses draws every loss of both runs over all steps. Steps that were not measured leave a gap.
func Losses(c *Comparison) (*image.RGBA, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	const width, height = 1200, 420
	p := &page{width: width}
	p.space(margin)
	p.text(heading, "Losses over the steps", 1)
	p.text(lead, quoted(c.Prompt), 2)
	p.text(remark, c.Settings, 2)
	p.space(rowGap)
	var err error
	p.add(height, func(dst *image.RGBA, y int) {
		err = drawLosses(dst, image.Rect(margin, y, width-margin, y+height), c)
	})
	p.space(margin)
	img := p.image()
	return img, err
}

// drawLosses draws a plot for each loss into a box, side by side.
func drawLosses(dst *image.RGBA, box image.Rectangle, c *Comparison) error {
	names := c.losses()
	if len(names) == 0 {
		tile{note: "nothing to lower: there is no loss"}.draw(dst, box)
		return nil
	}
	drawKey(dst, box.Min)
	box.Min.Y += keyHeight
	const gap = 24
	side := (box.Dx()+gap)/len(names) - gap
	for i, name := range names {
		x := box.Min.X + i*(side+gap)
		if err := drawCurves(dst, image.Rect(x, box.Min.Y, x+side, box.Max.Y), name, c); err != nil {
			return err
		}
	}
	return nil
}

// keyHeight is what the key takes above the plots, in which curves may run anywhere.
const keyHeight = 28

// drawKey says which line is which.
func drawKey(dst *image.RGBA, at image.Point) {
	fill := func(x, y, width, height int, c color.Color) {
		draw.Draw(dst, image.Rect(x, y, x+width, y+height), image.NewUniform(c), image.Point{}, draw.Src)
	}
	x, middle := at.X, at.Y+caption.line()/2
	for i, name := range names {
		if i == 0 {
			for dash := range 3 {
				fill(x+11*dash, middle-1, 7, 2, runInk[i])
			}
		} else {
			fill(x, middle-1, 29, 2, runInk[i])
			fill(x+11, middle-4, 7, 7, runInk[i])
			name += ", with a dot where the step was moved"
		}
		caption.draw(dst, x+36, at.Y, name)
		x += 36 + caption.width(name) + 24
	}
}

// drawCurves draws one loss of both runs. Guided steps have a dot.
func drawCurves(dst *image.RGBA, box image.Rectangle, name string, c *Comparison) error {
	of := func(r guidance.Report) float64 { loss, _ := r.Named(name); return loss.Value }
	title := name + " loss"
	p := newPlot(title, len(c.Plain.Steps))
	for i, run := range c.runs() {
		var guided plotter.XYs
		for _, points := range curve(run, of) {
			line, err := plotter.NewLine(points)
			if err != nil {
				return fmt.Errorf("explain: plot of the %s: %w", title, err)
			}
			line.Color, line.Width = runInk[i], 2.5
			if i == 0 {
				line.Dashes = []vg.Length{7, 4}
			}
			p.Add(line)
		}
		for at, s := range run.Steps {
			if i == 1 && s.Report.Height > 0 && s.Report.Skipped == "" {
				guided = append(guided, plotter.XY{X: float64(at), Y: of(s.Report)})
			}
		}
		if len(guided) > 0 {
			dots, err := plotter.NewScatter(guided)
			if err != nil {
				return fmt.Errorf("explain: plot of the %s: %w", title, err)
			}
			dots.GlyphStyle = plotdraw.GlyphStyle{Color: runInk[i], Radius: 3.5, Shape: plotdraw.CircleGlyph{}}
			p.Add(dots)
		}
	}
	p.Y.Min, p.Y.Max = 0, max(p.Y.Max*1.05, 1e-12)
	canvas := vgimg.NewWith(vgimg.UseWH(vg.Length(box.Dx()), vg.Length(box.Dy())), vgimg.UseDPI(72)) // a point is a pixel
	p.Draw(plotdraw.New(canvas))
	draw.Draw(dst, box, canvas.Image(), image.Point{}, draw.Src)
	return nil
}

// curve is a run's loss over the steps that were measured, in parts without a gap.
func curve(run *Run, of func(guidance.Report) float64) []plotter.XYs {
	var parts []plotter.XYs
	open := false
	for i, s := range run.Steps {
		if s.Report.Height == 0 {
			open = false
			continue
		}
		if !open {
			parts, open = append(parts, nil), true
		}
		last := len(parts) - 1
		parts[last] = append(parts[last], plotter.XY{X: float64(i), Y: of(s.Report)})
	}
	return parts
}

// newPlot is an empty plot over the steps of a run, set in the sheets' own type.
func newPlot(title string, count int) *plot.Plot {
	p := plot.New()
	handler := text.Plain{Fonts: plotFonts()}
	set := func(s *text.Style, size vg.Length, bold bool) {
		s.Handler, s.Font, s.Color = handler, plotfont.Font{Typeface: goFace, Size: size}, ink
		if bold {
			s.Font.Weight = font.WeightBold
		}
	}
	p.TextHandler = handler
	p.Title.Text, p.Title.Padding = title, 8
	set(&p.Title.TextStyle, 17, true)
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		set(&axis.Label.TextStyle, 14, false)
		set(&axis.Tick.Label, 13, false)
		axis.LineStyle.Color, axis.Tick.LineStyle.Color = frame, frame
	}
	p.X.Label.Text = "step"
	p.X.Min, p.X.Max = 0, math.Max(float64(count-1), 1)
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.TickerFunc(wholeTicks), plot.TickerFunc(roundTicks)
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Horizontal.Color, grid.Horizontal.Width = frame, 1
	p.Add(grid)
	return p
}

// wholeTicks are ticks at whole numbers, at most ten or so.
func wholeTicks(low, high float64) []plot.Tick {
	every := max(1, int(math.Ceil((high-low)/10)))
	var ticks []plot.Tick
	for i := int(math.Ceil(low)); float64(i) <= high; i += every {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: fmt.Sprint(i)})
	}
	return ticks
}

// roundTicks are three to six ticks at round numbers.
func roundTicks(low, high float64) []plot.Tick {
	if !(high > low) {
		return nil
	}
	every := math.Pow(10, math.Floor(math.Log10(high-low)))
	for _, part := range []float64{0.2, 0.5, 1, 2} {
		if (high-low)/(every*part) < 6 {
			every *= part
			break
		}
	}
	var ticks []plot.Tick
	for i := math.Ceil(low / every); i*every <= high; i++ {
		ticks = append(ticks, plot.Tick{Value: i * every, Label: fmt.Sprintf("%.3g", i*every)})
	}
	return ticks
}

const goFace = "Go"

// plotFonts holds the Go fonts alone, so that plots look like the sheets around them.
var plotFonts = sync.OnceValue(func() *plotfont.Cache {
	return plotfont.NewCache(plotfont.Collection{
		{Font: plotfont.Font{Typeface: goFace}, Face: graphic.Font(false)},
		{Font: plotfont.Font{Typeface: goFace, Weight: font.WeightBold}, Face: graphic.Font(true)},
	})
})
