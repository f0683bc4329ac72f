package render

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/isac-guidance/isac/isac/bench/score"
)

// lossFigure draws L_ins and L_cls over the steps, a row a loss and a column a task; false where no record has losses.
func lossFigure(tasks, methods []string, base string, records []score.Record) (figure, bool) {
	rows := []struct {
		label string
		of    lossOf
	}{
		{"L_ins (instances)", func(l score.StepLoss) float64 { return l.Instance }},
		{"L_cls (classes)", func(l score.StepLoss) float64 { return l.Class }},
	}
	styles := looks(methods, base)
	drawn := map[string]bool{}
	var columns []string
	grid := make([][][]curve, len(rows))
	for _, t := range tasks {
		of := onlyTask(records, t)
		found := false
		for i, row := range rows {
			cs := curves(of, methods, row.of)
			grid[i] = append(grid[i], cs)
			for _, c := range cs {
				drawn[c.method], found = true, true
			}
		}
		if !found {
			for i := range grid {
				grid[i] = grid[i][:len(grid[i])-1]
			}
			continue
		}
		columns = append(columns, t)
	}
	if len(columns) == 0 {
		return figure{}, false
	}
	f := figure{
		name:   "losses",
		title:  "Overlap losses over the sampling steps",
		note:   "Line: mean over pictures. Band: 95 % interval of the mean (prompts as clusters). Seen before each step moves the latent; lower is less overlap.",
		height: 560,
	}
	for _, m := range methods {
		if drawn[m] {
			f.legend = append(f.legend, legendEntry{m, styles[m]})
		}
	}
	for i, row := range rows {
		var panels []*plot.Plot
		for j, t := range columns {
			title, x, y := "", "", ""
			if i == 0 {
				title = taskTitle(t)
			}
			if i == len(rows)-1 {
				x = "step"
			}
			if j == 0 {
				y = row.label
			}
			panels = append(panels, lossPanel(panel(title, x, y), grid[i][j], styles))
		}
		f.panels = append(f.panels, panels)
	}
	return f, true
}

func lossPanel(p *plot.Plot, cs []curve, styles map[string]look) *plot.Plot {
	floor, log := lossScale(cs)
	top, last := 0.0, 1
	for _, c := range cs {
		for _, at := range c.points {
			top = math.Max(top, math.Max(at.mean, at.high))
			last = max(last, at.step)
		}
	}
	p.X.Min, p.X.Max = 0, float64(last)
	p.X.Tick.Marker = wholeTicks{last}
	p.Y.Min, p.Y.Max, p.Y.Tick.Marker = 0, top*1.05, fewTicks{6}
	height := func(v float64) float64 { return math.Max(v, 0) }
	if log { // the logarithms themselves are drawn: plot.LogScale puts the axis label off the middle and makes room for it there
		height = func(v float64) float64 { return math.Log10(math.Max(v, floor)) }
		p.Y.Min, p.Y.Max, p.Y.Tick.Marker = height(floor), height(top*1.3), decadeTicks{}
	}
	if top == 0 {
		p.Y.Max = 1
		p.Y.Tick.Marker = plot.ConstantTicks{{Value: 0, Label: "0"}}
		p.Add(notice{"always 0\nfor these prompts"})
	}
	p.Add(gridLines{})
	for _, c := range cs {
		band := make(plotter.XYs, 0, 2*len(c.points))
		for _, at := range c.points {
			band = append(band, plotter.XY{X: float64(at.step), Y: height(at.high)})
		}
		for i := len(c.points) - 1; i >= 0; i-- {
			band = append(band, plotter.XY{X: float64(c.points[i].step), Y: height(c.points[i].low)})
		}
		p.Add(area(band, fade(styles[c.method].color, 0.22)))
	}
	for _, c := range slices.Backward(cs) { // lines upon all bands, the base's last: its dashes let a line below show
		style, line := styles[c.method], make(plotter.XYs, len(c.points))
		for i, at := range c.points {
			line[i] = plotter.XY{X: float64(at.step), Y: height(at.mean)}
		}
		p.Add(stroke(line, style))
		if len(line) == 1 { // a line of one point is invisible
			p.Add(marks(line, style, 4))
		}
	}
	return p
}

// lossScale says whether the methods' losses need a logarithmic axis (min-maxed maps give losses in the hundreds,
// row-stochastic ones below 1/4), and where it starts.
func lossScale(cs []curve) (floor float64, log bool) {
	least, most := math.Inf(1), 0.0
	for _, c := range cs {
		for _, at := range c.points {
			if at.mean > 0 {
				least, most = math.Min(least, at.mean), math.Max(most, at.mean)
			}
		}
	}
	return least / 2, most > 50*least
}

func onlyTask(records []score.Record, task string) []score.Record {
	var of []score.Record
	for _, r := range records {
		if r.Task == task {
			of = append(of, r)
		}
	}
	return of
}

// area is a filled polygon without an outline.
func area(points plotter.XYs, fill color.Color) *plotter.Polygon {
	return &plotter.Polygon{XYs: []plotter.XYs{points}, Color: fill}
}

// stroke is a line in a method's look.
func stroke(points plotter.XYs, l look) *plotter.Line {
	line := &plotter.Line{XYs: points}
	line.LineStyle.Color, line.LineStyle.Width, line.LineStyle.Dashes = l.color, vg.Points(2), l.dash
	return line
}

// marks are a method's glyphs.
func marks(points plotter.XYs, l look, radius float64) *plotter.Scatter {
	s := &plotter.Scatter{XYs: points}
	s.Color, s.Shape, s.Radius = l.color, l.shape, vg.Points(radius)
	return s
}
