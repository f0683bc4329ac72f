package explain

import (
	"fmt"
	"image"
	"strings"

	"golang.org/x/image/draw"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	plotdraw "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/isac-guidance/isac/isac/graphic"
)

// Measures of a strip, in pixels.
const (
	stripColumns = 8
	stripTile    = 170 // the side of a picture
	stripGap     = 18
	stripFrame   = 6 // around the chosen one
	stripPlot    = 300
)

// Strip draws the candidates side by side in the order of their seeds, each with its loss and what became of it, the chosen one framed, and
// below how their sums of losses grew. It fails where Check does.
func Strip(c *Candidates) (*image.RGBA, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	p := &page{width: 2*margin + stripColumns*(stripTile+stripGap) - stripGap}
	p.space(margin)
	p.text(heading, "Candidates, and the one that was chosen", 1)
	p.text(lead, quoted(c.Prompt), 2)
	p.text(remark, c.Settings, 2)
	p.text(remark, c.cost(), 2)
	p.space(2*rowGap + stripFrame)
	height := stripTile
	if b := c.Images[0].Bounds(); b.Dx() > 0 {
		height = max(1, min(2*stripTile, stripTile*b.Dy()/b.Dx()))
	}
	lines := number.line() + caption.line() + faint.line()
	rows := (len(c.Images) + stripColumns - 1) / stripColumns
	columns := (len(c.Images) + rows - 1) / rows // rows of about one length
	for first := 0; first < len(c.Images); first += columns {
		row := part(c.Images, first, columns)
		p.add(height+stripFrame+lines+rowGap, func(dst *image.RGBA, y int) {
			for i := range row {
				x := margin + i*(stripTile+stripGap)
				c.draw(dst, first+i, image.Rect(x, y, x+stripTile, y+height))
			}
		})
		p.space(stripFrame)
	}
	var err error
	if c.Choice.Reason == "" {
		p.space(rowGap)
		p.add(stripPlot, func(dst *image.RGBA, y int) {
			err = c.drawSums(dst, image.Rect(margin, y, p.width-margin, y+stripPlot))
		})
	}
	for _, text := range c.legend() {
		p.text(faint, text, 3)
	}
	p.space(margin)
	img := p.image()
	return img, err
}

// cost says what the choice cost, and where candidates were dropped.
func (c *Candidates) cost() string {
	if c.Choice.Reason != "" {
		return "nothing to choose by: " + c.Choice.Reason
	}
	var parts []string
	for _, cut := range c.Choice.Cuts {
		parts = append(parts, fmt.Sprintf("%d kept after step %d", cut.Keep, cut.After))
	}
	steps := 0
	for _, one := range c.Choice.Candidates {
		steps += one.Steps
	}
	runs := float64(steps) / float64(max(1, c.Choice.Candidates[c.Choice.Chosen].Steps))
	return fmt.Sprintf("%s · %d model evaluations, %s times one run", strings.Join(parts, ", "), c.Cost.Evaluations, short(runs))
}

func (c *Candidates) legend() []string {
	var text []string
	for _, one := range c.Choice.Candidates {
		if one.Steps < c.Choice.Candidates[c.Choice.Chosen].Steps {
			text = append(text, "A picture that was dropped is what the model believed it to be by then: it is not finished, and its sum is over fewer steps.")
			break
		}
	}
	return text
}

// draw sets one candidate: its picture in a box, and below it its seed, its loss, and what became of it.
func (c *Candidates) draw(dst *image.RGBA, i int, box image.Rectangle) {
	one := c.Choice.Candidates[i]
	chosen := i == c.Choice.Chosen
	if chosen {
		draw.Draw(dst, box.Inset(-stripFrame), image.NewUniform(graphic.Blue), image.Point{}, draw.Src)
		draw.Draw(dst, box.Inset(-2), image.NewUniform(paper), image.Point{}, draw.Src)
	}
	tile{picture: c.Images[i], note: "no picture"}.draw(dst, box)
	line := func(s style, y int, text string) int {
		s.centred(dst, image.Rect(box.Min.X, y, box.Max.X, y+s.line()), text)
		return y + s.line()
	}
	y := box.Max.Y + stripFrame + 2
	loss := "no loss"
	if one.Loss != nil {
		loss = "Σ L " + short(*one.Loss)
	}
	y = line(number, y, loss)
	y = line(caption, y, fmt.Sprintf("seed %d", one.Seed))
	switch {
	case chosen:
		line(style{bold: true, size: faint.size, ink: graphic.Blue}, y, "chosen")
	case one.Steps < c.Choice.Candidates[c.Choice.Chosen].Steps:
		line(faint, y, fmt.Sprintf("dropped after step %d", one.Steps))
	}
}

// drawSums draws how the sum of losses of each candidate grew, the chosen one's on top of the others. A dot ends those that were dropped.
func (c *Candidates) drawSums(dst *image.RGBA, box image.Rectangle) error {
	steps := 0
	for _, one := range c.Choice.Candidates {
		steps = max(steps, len(one.Losses))
	}
	p := newPlot("sum of losses so far, the chosen candidate's in blue", steps)
	p.X.Label.Text = "measured steps"
	p.X.Min, p.X.Max = 1, float64(max(2, steps))
	add := func(i int) error {
		var points plotter.XYs
		sum := 0.0
		for at, loss := range c.Choice.Candidates[i].Losses {
			sum += loss
			points = append(points, plotter.XY{X: float64(at + 1), Y: sum})
		}
		if len(points) == 0 {
			return nil
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return fmt.Errorf("explain: plot of the sums: %w", err)
		}
		line.Color, line.Width = runInk[0], 1.5
		if i == c.Choice.Chosen {
			line.Color, line.Width = runInk[1], 3
		}
		end, err := plotter.NewScatter(points[len(points)-1:])
		if err != nil {
			return fmt.Errorf("explain: plot of the sums: %w", err)
		}
		end.GlyphStyle = plotdraw.GlyphStyle{Color: line.Color, Radius: 4, Shape: plotdraw.CircleGlyph{}}
		p.Add(line, end)
		return nil
	}
	for i := range c.Choice.Candidates {
		if i == c.Choice.Chosen {
			continue
		}
		if err := add(i); err != nil {
			return err
		}
	}
	if err := add(c.Choice.Chosen); err != nil {
		return err
	}
	p.Y.Min, p.Y.Max = 0, max(p.Y.Max*1.05, 1e-12)
	canvas := vgimg.NewWith(vgimg.UseWH(vg.Length(box.Dx()), vg.Length(box.Dy())), vgimg.UseDPI(72))
	p.Draw(plotdraw.New(canvas))
	draw.Draw(dst, box, canvas.Image(), image.Point{}, draw.Src)
	return nil
}
