package render

import (
	"fmt"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/isac-guidance/isac/isac/bench/score"
)

// accuracyFigure draws, a column a task, the paper's accuracy and the share of exactly right pictures against the count.
func accuracyFigure(s score.Summary) figure {
	styles := looks(s.Methods, s.Base)
	f := figure{
		name:   "accuracy",
		title:  "Accuracy by count",
		note:   "Whiskers: 95 % interval, bootstrap over prompts. #k is the number of classes (multi-class) or of objects (other tasks); avg is the mean of the levels.",
		legend: legendOf(s.Methods, styles),
	}
	rows := []struct {
		metric score.Metric
		label  string
	}{{score.MetricRatio, "found of wanted, %"}, {score.MetricExact, "exactly right, %"}}
	columns := min(3, len(s.Tasks))
	for i, row := range rows {
		for part := range slices.Chunk(s.Tasks, columns) {
			panels := make([]*plot.Plot, columns)
			for j, t := range part {
				title, y := "", ""
				if i == 0 || len(s.Tasks) > columns {
					title = taskTitle(t.Task)
				}
				if j == 0 {
					y = row.label
				}
				panels[j] = accuracyPanel(panel(title, "", y), s.Methods, t, row.metric, styles)
			}
			f.panels = append(f.panels, panels)
		}
	}
	f.height = vg.Length(90 + 255*len(f.panels))
	return f
}

// category is one place on the X axis of an accuracy panel.
type category struct {
	label string
	at    float64
	block func(score.Row) score.Block
}

// categories are the levels of a task and, a little apart, their average; only the average where a task has one level, or so
// many (numeracy) that the average is over pictures.
func categories(t score.TaskSummary) []category {
	average := func(r score.Row) score.Block { return r.Average }
	if !t.ByLevel {
		return []category{{"all", 0, average}}
	}
	var all []category
	for i, level := range t.Levels {
		all = append(all, category{fmt.Sprintf("#%d", level), float64(i), func(r score.Row) score.Block { return r.Levels[i] }})
	}
	if len(all) > 1 {
		all = append(all, category{"avg", float64(len(all)) + 0.25, average})
	}
	return all
}

func accuracyPanel(p *plot.Plot, methods []string, t score.TaskSummary, metric score.Metric, styles map[string]look) *plot.Plot {
	all := categories(t)
	p.Y.Min, p.Y.Max = -3, 103 // marks at 0 and 100 stand clear of the edges
	p.Y.Tick.Marker = plot.ConstantTicks{{Value: 0, Label: "0"}, {Value: 25, Label: "25"}, {Value: 50, Label: "50"},
		{Value: 75, Label: "75"}, {Value: 100, Label: "100"}}
	p.X.Min, p.X.Max = -0.5, all[len(all)-1].at+0.5
	var ticks plot.ConstantTicks
	for _, c := range all {
		ticks = append(ticks, plot.Tick{Value: c.at, Label: c.label})
	}
	p.X.Tick.Marker = ticks
	p.X.Tick.Color = white
	p.Add(gridLines{})
	for i, m := range methods {
		row := t.Row(m)
		if row == nil {
			continue
		}
		// Methods stand side by side at each count, so that their whiskers can be told.
		aside := (float64(i) - float64(len(methods)-1)/2) * min(0.16, 0.84/float64(len(methods)))
		var points, line plotter.XYs
		var bars whiskers
		for _, c := range all {
			cell := c.block(*row).Scores[metric]
			at := plotter.XY{X: c.at + aside, Y: 100 * cell.Mean}
			points = append(points, at)
			if c.label != "avg" {
				line = append(line, at)
			}
			if cell.HasInterval {
				bars.add(at, cell.Low, cell.High)
			}
		}
		style := styles[m]
		thin := stroke(line, style)
		thin.Color, thin.Width = fade(style.color, 0.55), vg.Points(1.25)
		if len(methods) <= 4 { // more lines than that are a tangle
			p.Add(thin)
		}
		p.Add(bars.vertical(style)...)
		p.Add(marks(points, style, 4))
	}
	return p
}

// whiskers gathers intervals, which come as shares, in percent.
type whiskers struct {
	points plotter.XYs
	errs   []struct{ Low, High float64 }
}

func (w *whiskers) add(at plotter.XY, low, high float64) {
	w.points = append(w.points, at)
	w.errs = append(w.errs, struct{ Low, High float64 }{at.Y - 100*low, 100*high - at.Y})
}

func (w *whiskers) vertical(l look) []plot.Plotter {
	if len(w.points) == 0 {
		return nil
	}
	bars := &plotter.YErrorBars{XYs: w.points, YErrors: w.errs, CapWidth: vg.Points(5)}
	bars.LineStyle.Color, bars.LineStyle.Width = l.color, vg.Points(1.5)
	return []plot.Plotter{bars}
}
