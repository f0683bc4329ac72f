package render

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/isac-guidance/isac/isac/bench/score"
)

// forestRow is one line of the forest plot: the heading of a task, or a method's differences in it.
type forestRow struct {
	task   string // a heading, if not empty
	method string
	block  score.Block
}

// forestFigure draws the paired differences to the base of every score that is a share; false where there is no other method.
func forestFigure(s score.Summary) (figure, bool) {
	var rows []forestRow
	low, high := 0.0, 0.0
	var metrics []score.Metric
	for _, m := range score.Metrics() {
		if m.IsShare() {
			metrics = append(metrics, m)
		}
	}
	for _, t := range s.Tasks {
		methods := []forestRow{}
		for _, r := range t.Rows {
			if r.Average.Difference == nil {
				continue
			}
			methods = append(methods, forestRow{method: r.Method, block: r.Average})
			for _, m := range metrics {
				d := r.Average.Difference[m]
				low, high = min(low, d.Low, d.Mean), max(high, d.High, d.Mean)
			}
		}
		if len(methods) > 0 {
			rows = append(append(rows, forestRow{task: t.Task}), methods...)
		}
	}
	if len(rows) == 0 {
		return figure{}, false
	}
	styles := looks(s.Methods, s.Base)
	f := figure{
		name:  "differences",
		title: "Difference to " + s.Base + " on the same prompts and noise, percentage points",
		note: "Average over the counts, with 95 % interval (bootstrap over prompts). Filled marks: the interval excludes 0. " +
			"Hollow marks: it does not, or there is none.",
		height: vg.Length(130 + 21*len(rows)),
	}
	for _, m := range s.Methods {
		if m != s.Base {
			f.legend = append(f.legend, legendEntry{m, styles[m]})
		}
	}
	names := panel(" \n ", "", "")
	names.HideY()
	// An axis that is not seen keeps the rows level with those of the other columns.
	names.X.Min, names.X.Max, names.X.Color, names.X.Tick.Color = 0, 1, white, white
	names.X.Tick.Marker = plot.ConstantTicks{{Value: 0.5, Label: " "}}
	// The names take what they need, within reason; the scores share the rest.
	room := vg.Points(90)
	for _, e := range f.legend {
		room = max(room, lettering(sizeSmall, ink, false).Width(e.name)+vg.Points(14))
	}
	room = min(room, vg.Points(220))
	f.weights = []float64{float64(room / (wide - 2*margin - room) * vg.Length(len(metrics)))}
	panels := []*plot.Plot{names}
	for _, m := range metrics {
		title := metricTitle(m) + "\nbetter →"
		if m.Better() < 0 {
			title = metricTitle(m) + "\n← better"
		}
		p := panel(title, "", "")
		p.Title.TextStyle.Font.Size = vg.Points(sizeText)
		pad := (high - low) * 4
		p.X.Min, p.X.Max = 100*low-pad, 100*high+pad
		p.X.Tick.Marker = fewTicks{5}
		p.HideY()
		p.BackgroundColor = nil // the names' column shades the rows of all columns
		p.Add(forest{rows: rows, metric: m, styles: styles})
		panels = append(panels, p)
		f.weights = append(f.weights, 1)
	}
	names.Title.TextStyle.Font.Size = vg.Points(sizeText)
	names.Add(forest{rows: rows, names: true})
	for _, p := range panels {
		p.Y.Min, p.Y.Max = -float64(len(rows)), 0
	}
	f.panels = [][]*plot.Plot{panels}
	return f, true
}

// forest draws one column of the figure: the names, or one score's differences. Row i lies between -i-1 and -i.
type forest struct {
	rows   []forestRow
	metric score.Metric
	styles map[string]look
	names  bool
}

func (f forest) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	if f.names {
		f.shade(c, y)
	} else {
		c.StrokeLine2(draw.LineStyle{Color: faint, Width: vg.Points(1)}, x(0), c.Min.Y, x(0), c.Max.Y)
	}
	for i, row := range f.rows {
		mid := y(-float64(i) - 0.5)
		switch {
		case f.names:
			f.name(c, row, mid)
		case row.task == "":
			f.mark(c, row, x, mid)
		}
	}
}

// shade puts every other task on grey, across the whole figure.
func (f forest) shade(c draw.Canvas, y func(float64) vg.Length) {
	tasks, from := 0, 0
	for i := 1; i <= len(f.rows); i++ {
		if i < len(f.rows) && f.rows[i].task == "" {
			continue
		}
		if tasks%2 == 0 {
			band := vg.Rectangle{Min: vg.Point{X: c.Min.X - 6, Y: y(-float64(i))}, Max: vg.Point{X: wide - margin + 6, Y: y(-float64(from))}}
			c.SetColor(shaded)
			c.Fill(band.Path())
		}
		tasks, from = tasks+1, i
	}
}

// name writes a heading or a method, cut to the column's width.
func (f forest) name(c draw.Canvas, row forestRow, mid vg.Length) {
	s, sty, indent := row.method, lettering(sizeSmall, ink, false), vg.Points(10)
	if row.task != "" {
		s, sty, indent = taskTitle(row.task), lettering(sizeText, ink, true), 0
	}
	sty.YAlign = draw.YCenter
	for n := len([]rune(s)); n > 3 && sty.Width(s) > c.Max.X-c.Min.X-indent; n-- {
		s = shorten(row.method, n)
	}
	c.FillText(sty, vg.Point{X: c.Min.X + indent, Y: mid + vg.Points(1.5)}, s) // letters without tails look low
}

// mark draws one difference: a line from low to high, and the method's glyph, hollow where 0 lies within.
func (f forest) mark(c draw.Canvas, row forestRow, x func(float64) vg.Length, mid vg.Length) {
	d, style := row.block.Difference[f.metric], f.styles[row.method]
	if math.IsNaN(d.Mean) {
		return
	}
	if d.HasInterval {
		line := draw.LineStyle{Color: style.color, Width: vg.Points(1.75)}
		c.StrokeLine2(line, x(100*d.Low), mid, x(100*d.High), mid)
	}
	at := vg.Point{X: x(100 * d.Mean), Y: mid}
	c.DrawGlyphNoClip(draw.GlyphStyle{Color: style.color, Radius: vg.Points(4.5), Shape: style.shape}, at)
	if !d.Clear() {
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: white, Radius: vg.Points(2.6), Shape: style.shape}, at)
	}
}

// metricTitle is a score's name as headings write it.
func metricTitle(m score.Metric) string {
	switch m {
	case score.MetricRatio:
		return "Ratio"
	case score.MetricAllPresent:
		return "All present"
	case score.MetricExact:
		return "Exact"
	case score.MetricOver:
		return "Over-count"
	case score.MetricFused:
		return "Fused"
	case score.MetricFound:
		return "Objects found"
	case score.MetricCompBench:
		return "CompBench"
	}
	return string(m)
}
