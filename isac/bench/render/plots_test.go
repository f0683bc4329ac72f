package render

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"

	"github.com/isac-guidance/isac/isac/bench/score"
)

func readPNG(t *testing.T, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// painted counts the pixels of exactly one colour within a part of a picture and gives the middle of their rows.
func painted(img image.Image, in image.Rectangle, c color.NRGBA) (n int, row float64) {
	for y := in.Min.Y; y < in.Max.Y; y++ {
		for x := in.Min.X; x < in.Max.X; x++ {
			if color.NRGBAModel.Convert(img.At(x, y)) == c {
				n++
				row += float64(y)
			}
		}
	}
	return n, row / float64(max(n, 1))
}

func TestPlotsAreWrittenAndShowEveryMethod(t *testing.T) {
	records := exampleRecords()
	s, err := score.Summarise(records, "none")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	paths, err := Plots(dir, s, records)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range paths {
		names = append(names, filepath.Base(p))
	}
	same(t, names, "accuracy.png", "differences.png", "losses.png")
	for _, f := range figures(s, records) {
		written := textsOf(f)
		for _, want := range []string{"Multi-class", "Multi-instance", "Mixed", "isac", "random"} {
			if !slices.Contains(written, want) {
				t.Errorf("%s lacks %s", f.name, want)
			}
		}
	}
	styles := looks(s.Methods, s.Base)
	for _, path := range paths {
		img := readPNG(t, path)
		size := img.Bounds().Size()
		if size.X != 1200 || size.Y < 300 || size.Y > 1600 {
			t.Errorf("%s is %v, want 1200 wide and of a moderate height", path, size)
		}
		legend := image.Rect(0, 0, 1200, 105)
		body := image.Rect(0, 105, 1200, size.Y)
		for _, m := range s.Methods {
			if m == "none" && strings.Contains(path, "differences") {
				continue
			}
			if n, _ := painted(img, legend, styles[m].color); n < 30 {
				t.Errorf("%s: %s has %d pixels in the legend", path, m, n)
			}
			if n, _ := painted(img, body, styles[m].color); n < 300 {
				t.Errorf("%s: %s has %d pixels in the panels", path, m, n)
			}
		}
	}
}

// textsOf gives the texts of a figure, whole as they are drawn.
func textsOf(f figure) []string {
	record := new(recorder.Canvas)
	f.draw(draw.NewCanvas(record, wide, f.height))
	var all []string
	for _, action := range record.Actions {
		if text, ok := action.(*recorder.FillString); ok {
			all = append(all, text.String)
		}
	}
	return all
}

// Marks stand where their values are: those at 0 and at 100 tell the scale.
func TestAccuracyIsDrawnToScale(t *testing.T) {
	block := func(ratio, exact float64) score.Block {
		return score.Block{Scores: map[score.Metric]score.Cell{score.MetricRatio: alone(ratio), score.MetricExact: alone(exact)}}
	}
	row := func(method string, ratio, exact float64) score.Row {
		b := block(ratio, exact)
		return score.Row{Method: method, Levels: []score.Block{b}, Average: b}
	}
	s := score.Summary{Base: "none", Methods: []string{"none", "floor", "isac", "isac:paper"}, Tasks: []score.TaskSummary{{
		Task: "single", Levels: []int{1}, ByLevel: true, Rows: []score.Row{row("floor", 0, 0), row("isac", 1, 0.75), row("isac:paper", 0.25, 0.5)},
	}}}
	paths, err := Plots(t.TempDir(), s, nil)
	if err != nil || len(paths) != 1 {
		t.Fatalf("got %q, %v", paths, err)
	}
	img := readPNG(t, paths[0])
	height := img.Bounds().Dy()
	styles := looks(s.Methods, s.Base)
	rowOf := func(method string, half int) float64 {
		top := 105 + half*(height-105)/2
		n, y := painted(img, image.Rect(100, top, 1200, top+(height-105)/2), styles[method].color)
		if n < 20 {
			t.Fatalf("%s: %d pixels", method, n)
		}
		return y
	}
	zero, hundred := rowOf("floor", 0), rowOf("isac", 0)
	per := (zero - hundred) / 100
	if per < 2 {
		t.Fatalf("100 percent are %v pixels", zero-hundred)
	}
	for _, c := range []struct {
		method string
		half   int
		want   float64
	}{{"isac:paper", 0, 25}, {"isac", 1, 75}, {"isac:paper", 1, 50}} {
		bottom := zero
		if c.half == 1 {
			bottom = rowOf("floor", 1)
		}
		if got := (bottom - rowOf(c.method, c.half)) / per; got < c.want-0.5 || got > c.want+0.5 {
			t.Errorf("%s in half %d stands at %v, want %v", c.method, c.half, got, c.want)
		}
	}
}

// A difference whose interval excludes 0 has a filled mark, any other a hollow one.
func TestForestTellsClearDifferences(t *testing.T) {
	of := func(low, mean, high float64) map[score.Metric]score.Cell {
		all := map[score.Metric]score.Cell{}
		for _, m := range score.Metrics() {
			all[m] = cell(mean, low, high)
		}
		return all
	}
	s := score.Summary{Base: "none", Methods: []string{"none", "isac", "random"}, Tasks: []score.TaskSummary{{
		Task: "mixed", Rows: []score.Row{{Method: "none"},
			{Method: "isac", Average: score.Block{Difference: of(0.05, 0.1, 0.15)}},
			{Method: "random", Average: score.Block{Difference: of(-0.05, 0.1, 0.25)}}},
	}}}
	f, ok := forestFigure(s)
	if !ok {
		t.Fatal("no figure")
	}
	path, err := f.save(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	img := readPNG(t, path)
	styles := looks(s.Methods, s.Base)
	// A mark is found as the widest run of its colour that is taller than a line; its middle pixel is coloured, or white.
	for _, c := range []struct {
		method string
		middle color.NRGBA
	}{{"isac", styles["isac"].color}, {"random", white}} {
		body := image.Rect(160, 105, 1200, img.Bounds().Dy()-30)
		_, row := painted(img, body, styles[c.method].color)
		y := int(row + 0.5)
		var columns []int
		for x := body.Min.X; x < body.Max.X; x++ {
			if n, _ := painted(img, image.Rect(x, y-8, x+1, y+9), styles[c.method].color); n >= 4 {
				columns = append(columns, x)
			}
		}
		if len(columns) == 0 {
			t.Fatalf("%s has no mark", c.method)
		}
		last := 0
		for last+1 < len(columns) && columns[last+1] < columns[0]+20 {
			last++
		}
		x := (columns[0] + columns[last]) / 2
		if got := color.NRGBAModel.Convert(img.At(x, y)); got != c.middle {
			t.Errorf("%s: the middle of its mark at (%d,%d) is %v, want %v", c.method, x, y, got, c.middle)
		}
	}
}

func TestPlotsOfNothing(t *testing.T) {
	if paths, err := Plots(t.TempDir(), score.Summary{Base: "none"}, nil); err != nil || len(paths) != 0 {
		t.Errorf("got %q, %v", paths, err)
	}
}

func TestLooksTellMethodsApart(t *testing.T) {
	methods := []string{"none"}
	for i := range 14 {
		methods = append(methods, strings.Repeat("m", i+1))
	}
	all := looks(methods, "none")
	if all["none"].color != neutral {
		t.Error("the base is not grey")
	}
	type seen struct {
		color  color.NRGBA
		dashes int
		shape  any
	}
	var before []seen
	for _, m := range methods {
		s := seen{all[m].color, len(all[m].dash), all[m].shape}
		if slices.Contains(before, s) {
			t.Errorf("%s looks like another method", m)
		}
		before = append(before, s)
	}
}
