package render

import (
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// wholeTicks marks whole numbers from 0 to last, at most seven of them.
type wholeTicks struct{ last int }

func (w wholeTicks) Ticks(_, _ float64) []plot.Tick {
	every := 1
	for _, e := range []int{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000} {
		every = e
		if w.last/e <= 6 {
			break
		}
	}
	var ticks []plot.Tick
	for i := 0; i <= w.last; i += every {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: strconv.Itoa(i)})
	}
	return ticks
}

// fewTicks marks round values, as many as fit into at most n.
type fewTicks struct{ n int }

func (f fewTicks) Ticks(low, high float64) []plot.Tick {
	if !(high > low) || math.IsInf(high-low, 0) {
		return nil
	}
	const slack = 1e-9 // of a step: a bound that is itself a tick stays one
	power := math.Pow(10, math.Floor(math.Log10((high-low)/float64(f.n)))-1)
	for {
		for _, m := range []float64{1, 2, 5} {
			step := m * power
			first, last := math.Ceil(low/step-slack), math.Floor(high/step+slack)
			if last-first+1 > float64(f.n) {
				continue
			}
			decimals := max(0, -int(math.Floor(math.Log10(step)+slack)))
			var ticks []plot.Tick
			for i := first; i <= last; i++ {
				ticks = append(ticks, plot.Tick{Value: i * step, Label: fixed(i*step, decimals)})
			}
			return ticks
		}
		power *= 10
	}
}

// decadeTicks marks the powers of ten of an axis that shows logarithms to base ten.
type decadeTicks struct{}

func (decadeTicks) Ticks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for e := math.Ceil(low - 1e-9); e <= high; e++ {
		ticks = append(ticks, plot.Tick{Value: e, Label: strconv.FormatFloat(math.Pow10(int(e)), 'g', -1, 64)})
	}
	return ticks
}

// gridLines draws a light rule at each labelled tick of the Y axis.
type gridLines struct{}

func (gridLines) Plot(c draw.Canvas, p *plot.Plot) {
	_, y := p.Transforms(&c)
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		if t.IsMinor() || t.Value < p.Y.Min || t.Value > p.Y.Max {
			continue
		}
		c.StrokeLine2(draw.LineStyle{Color: rule, Width: vg.Points(0.75)}, c.Min.X, y(t.Value), c.Max.X, y(t.Value))
	}
}

// notice writes a few words, a line each, into the middle of an empty panel.
type notice struct{ text string }

func (n notice) Plot(c draw.Canvas, _ *plot.Plot) {
	sty := lettering(sizeText, faint, false)
	sty.XAlign, sty.YAlign = draw.XCenter, draw.YCenter
	c.FillText(sty, c.Center(), n.text)
}

// wrapText breaks s at spaces so that no line is wider than limit; a single word that is wider stands alone.
func wrapText[L ~float64 | ~int](s string, limit L, width func(string) L) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		longer := word
		if line != "" {
			longer = line + " " + word
		}
		if line != "" && width(longer) > limit {
			lines = append(lines, line)
			longer = word
		}
		line = longer
	}
	return append(lines, line)
}

// shorten cuts the middle out of a text of more than n letters, so that its start and its end can be told.
func shorten(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	head := (n - 1) / 2
	return string(r[:head]) + "…" + string(r[len(r)-(n-1-head):])
}

// taskTitle writes a task's name as a heading: "multi-class" is "Multi-class".
func taskTitle(task string) string {
	if task == "" {
		return ""
	}
	return strings.ToUpper(task[:1]) + task[1:]
}
