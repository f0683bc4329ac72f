package render

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

const (
	dpi    = 96
	margin = vg.Length(12)
	wide   = vg.Length(900) // 1200 pixels
)

// figure is a titled grid of panels with one legend for all of them.
type figure struct {
	name   string // file name without its ending
	title  string
	note   string // one line under the title: what the marks and bands mean
	legend []legendEntry
	panels [][]*plot.Plot // rows of equal length; nil leaves a gap
	// weights are the columns' shares of the width; nil lets plot.Align give all panels the same size.
	weights []float64
	height  vg.Length
}

// legendEntry shows what a method looks like.
type legendEntry struct {
	name string
	look look
}

func legendOf(methods []string, all map[string]look) []legendEntry {
	entries := make([]legendEntry, len(methods))
	for i, m := range methods {
		entries[i] = legendEntry{m, all[m]}
	}
	return entries
}

// save writes the figure as dir/name.png and gives the path.
func (f figure) save(dir string) (string, error) {
	picture := vgimg.NewWith(vgimg.UseWH(wide, f.height), vgimg.UseDPI(dpi))
	f.draw(draw.New(picture))
	path := filepath.Join(dir, f.name+".png")
	return path, writeFile(path, vgimg.PngCanvas{Canvas: picture})
}

// draw lays out title, note, legend and panels from the top.
func (f figure) draw(c draw.Canvas) {
	c.SetColor(white)
	c.Fill(c.Rectangle.Path())
	top := c.Max.Y - margin
	left := c.Min.X + margin
	line := func(s string, points float64, bold bool) {
		if s == "" {
			return
		}
		sty := lettering(points, ink, bold)
		if !bold {
			sty.Color = faint
		}
		for _, part := range wrapText(s, c.Max.X-margin-left, func(s string) vg.Length { return sty.Width(s) }) {
			top -= vg.Points(points * 1.3)
			c.FillText(sty, vg.Point{X: left, Y: top}, part)
		}
	}
	line(f.title, sizeTitle, true)
	line(f.note, sizeSmall, false)
	if len(f.legend) > 0 {
		top -= vg.Points(8)
		top = f.drawLegend(c, left, top)
	}
	top -= vg.Points(10)
	inner := draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
		Min: vg.Point{X: left, Y: c.Min.Y + margin/2}, Max: vg.Point{X: c.Max.X - margin, Y: top},
	}}
	rows, cols := len(f.panels), len(f.panels[0])
	tiles := draw.Tiles{Rows: rows, Cols: cols, PadX: vg.Points(14), PadY: vg.Points(12)}
	var canvases [][]draw.Canvas
	if f.weights != nil {
		canvases = [][]draw.Canvas{columnsOf(inner, f.weights, tiles.PadX)}
	} else {
		canvases = plot.Align(f.panels, tiles, inner)
	}
	for r, row := range f.panels {
		for i, p := range row {
			if p != nil {
				p.Draw(canvases[r][i])
			}
		}
	}
}

// columnsOf cuts a canvas into columns of the given shares of its width.
func columnsOf(c draw.Canvas, weights []float64, pad vg.Length) []draw.Canvas {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	room := c.Max.X - c.Min.X - pad*vg.Length(len(weights)-1)
	x := c.Min.X
	columns := make([]draw.Canvas, len(weights))
	for i, w := range weights {
		right := x + room*vg.Length(w/total)
		columns[i] = draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
			Min: vg.Point{X: x, Y: c.Min.Y}, Max: vg.Point{X: right, Y: c.Max.Y},
		}}
		x = right + pad
	}
	return columns
}

// drawLegend writes the entries from left to right, as many a line as fit, and gives the lower edge.
func (f figure) drawLegend(c draw.Canvas, left, top vg.Length) vg.Length {
	sty := lettering(sizeText, ink, false)
	const icon, gap = vg.Length(30), vg.Length(20)
	x, height := left, vg.Points(sizeText*1.5)
	y := top - height
	for i, e := range f.legend {
		name := shorten(e.name, 70)
		width := icon + 6 + sty.Width(name) + gap
		if i > 0 && x+width > c.Max.X-margin+gap {
			x, y = left, y-height
		}
		mid := y + vg.Points(sizeText*0.45)
		c.StrokeLine2(draw.LineStyle{Color: e.look.color, Width: vg.Points(2), Dashes: e.look.dash}, x, mid, x+icon, mid)
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: e.look.color, Radius: vg.Points(4), Shape: e.look.shape}, vg.Point{X: x + icon/2, Y: mid})
		c.FillText(sty, vg.Point{X: x + icon + 6, Y: y}, name)
		x += width
	}
	return y
}

// writeFile writes one file whole; what stood there is replaced.
func writeFile(path string, w io.WriterTo) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("render: %w", err)
	}
	defer func() {
		if e := file.Close(); err == nil && e != nil {
			err = fmt.Errorf("render: cannot finish %s: %w", path, e)
		}
	}()
	if _, err := w.WriteTo(file); err != nil {
		return fmt.Errorf("render: cannot write %s: %w", path, err)
	}
	return nil
}
