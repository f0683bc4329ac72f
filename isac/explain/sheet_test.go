package explain

import (
	"context"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/guidance"
)

// pixels gives where an image has a colour.
func pixels(img *image.RGBA, c color.NRGBA) map[image.Point]bool {
	found := map[image.Point]bool{}
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			if (color.NRGBA(img.RGBAAt(x, y))) == c {
				found[image.Pt(x, y)] = true
			}
		}
	}
	return found
}

func TestStepSheetShowsBothRunsAlike(t *testing.T) {
	c := synthetic(20)
	sheet, err := StepSheet(c, 0) // the first step is the same in both runs
	if err != nil {
		t.Fatal(err)
	}
	if sheet.Rect.Dx() > 1600 {
		t.Errorf("the sheet is %d pixels wide", sheet.Rect.Dx())
	}
	table := newTable(4, 176, image.Pt(side, side))
	across := table.left(1) - table.left(0)
	for _, mark := range []color.NRGBA{markInk, palette[0], palette[2], dark} {
		left, right := 0, 0
		found := pixels(sheet, mark)
		for p := range found {
			if p.X < table.left(1)-divide/2 {
				left++
				if !found[p.Add(image.Pt(across, 0))] {
					t.Fatalf("colour %v is at %v of the plain run and not at its place in the guided run", mark, p)
				}
			} else {
				right++
			}
		}
		if left == 0 || left != right {
			t.Errorf("colour %v: %d pixels in the plain run, %d in the guided run", mark, left, right)
		}
	}
}

func TestOverviewHasEverything(t *testing.T) {
	c := synthetic(20)
	sheet, err := Overview(c)
	if err != nil {
		t.Fatal(err)
	}
	if sheet.Rect.Dx() > 1600 {
		t.Errorf("the sheet is %d pixels wide", sheet.Rect.Dx())
	}
	for _, run := range c.runs() {
		final := color.NRGBAModel.Convert(run.Image.At(0, 0)).(color.NRGBA)
		if n := len(pixels(sheet, final)); n != 300*300 {
			t.Errorf("%d pixels are of the image, want %d", n, 300*300)
		}
		for _, i := range c.Shown {
			preview := color.NRGBAModel.Convert(run.Steps[i].Denoised.At(0, 0)).(color.NRGBA)
			if len(pixels(sheet, preview)) == 0 {
				t.Errorf("the preview of step %d is not there", i)
			}
		}
	}
	for _, k := range palette[:3] {
		if len(pixels(sheet, k)) == 0 {
			t.Errorf("no pixel has the instance colour %v", k)
		}
	}
	if n := len(pixels(sheet, ink)); n < 1000 {
		t.Errorf("%d pixels are of ink: is there no text?", n)
	}
}

func TestSheetsOfManyShapes(t *testing.T) {
	unmeasured := synthetic(4)
	s := &unmeasured.Guided.Steps[3]
	s.Maps = guidance.Maps{Report: guidance.Report{Step: guidance.Step{Index: 3, Count: 4}, Skipped: "step 4 of 4 is outside the guided steps 1 to 2"}}
	flatMaps := synthetic(2)
	s = &flatMaps.Plain.Steps[0]
	s.Labels, s.Masks, s.InstancePeak, s.ClassPeak = nil, nil, nil, nil
	s.Report.Skipped = "the foreground has 2 pixels, fewer than the 3 instances"
	single := synthetic(1)
	single.Target.Classes = []guidance.Class{{Name: "cat", Count: 1, Tokens: []int{5}}}
	for _, run := range single.runs() {
		s := &run.Steps[0]
		s.Cross, s.Prop, s.Masks, s.InstancePeak, s.ClassPeak = s.Cross[:1], s.Prop[:1], s.Masks[:1], nil, nil
		s.Labels = make([]int, side*side)
	}
	bare := &Comparison{Target: single.Target, Shown: []int{0}, Plain: Run{Steps: make([]Step, 1)}, Guided: Run{Steps: make([]Step, 1)}}
	long := synthetic(30)
	long.Shown, long.Prompt, long.Settings = []int{0, 1, 2, 3, 4, 5, 6, 7, 29}, strings.Repeat("many words ", 60), strings.Repeat("settings ", 90)
	for name, c := range map[string]*Comparison{"unmeasured": unmeasured, "no masks": flatMaps, "one object": single, "nothing seen": bare, "long": long} {
		for _, i := range c.Shown {
			if sheet, err := StepSheet(c, i); err != nil || sheet.Rect.Dx() > 1600 {
				t.Errorf("%s, step %d: %v", name, i, err)
			}
		}
		for kind, draw := range map[string]func(*Comparison) (*image.RGBA, error){"overview": Overview, "losses": Losses} {
			if sheet, err := draw(c); err != nil || sheet.Rect.Dx() > 1600 {
				t.Errorf("%s of %s: %v", kind, name, err)
			}
		}
	}
}

func TestMistakesOfComparisons(t *testing.T) {
	for want, spoil := range map[string]func(*Comparison){
		"4 steps and the guided one 3":     func(c *Comparison) { c.Guided.Steps = c.Guided.Steps[:3] },
		"no step is shown":                 func(c *Comparison) { c.Shown = nil },
		"steps 4, 9 are to be shown":       func(c *Comparison) { c.Shown = []int{0, 4, 9} },
		"step -1 is to be shown":           func(c *Comparison) { c.Shown = []int{-1} },
		"self-attention has 5 values":      func(c *Comparison) { c.Plain.Steps[1].Self = make([]float32, 5) },
		"an instance mask has 7 values":    func(c *Comparison) { c.Guided.Steps[2].Masks[1] = make([]float32, 7) },
		"1 maps of cross-attention":        func(c *Comparison) { c.Guided.Steps[2].Cross = c.Guided.Steps[2].Cross[:1] },
		"pixel 3 is of instance 3":         func(c *Comparison) { c.Plain.Steps[0].Labels[3] = 3 },
		"guided run, step 3: a peak is at": func(c *Comparison) { c.Guided.Steps[3].ClassPeak = &guidance.Peak{Pixel: 64} },
	} {
		c := synthetic(4)
		spoil(c)
		if _, err := Overview(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if _, err := Write(context.Background(), t.TempDir(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Write: %v, want %q", err, want)
		}
	}
	if _, err := StepSheet(synthetic(4), 4); err == nil || !strings.Contains(err.Error(), "steps 0 to 3") {
		t.Errorf("a step that is not there: %v", err)
	}
}

func TestUsualSteps(t *testing.T) {
	for count, want := range map[int][]int{1: {0}, 2: {0, 1}, 4: {0, 1, 2, 3}, 20: {0, 2, 5, 10, 19}, 50: {0, 5, 12, 25, 49}} {
		if got := Usual(count); !slices.Equal(got, want) {
			t.Errorf("of %d steps %v, want %v", count, got, want)
		}
	}
	if got := spread([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 90}, 4); !slices.Equal(got, []int{0, 3, 6, 90}) {
		t.Errorf("four of ten steps are %v", got)
	}
}

func TestTextStaysInItsPlace(t *testing.T) {
	text := "a photo of two cats, and of incomprehensibilities"
	for width := 40; width < 400; width += 30 {
		for _, most := range []int{1, 2, 9} {
			lines := caption.wrap(text, width, most)
			if len(lines) == 0 || len(lines) > most {
				t.Errorf("width %d: %d lines, want at most %d", width, len(lines), most)
			}
			for _, line := range lines {
				if caption.width(line) > width {
					t.Errorf("%q is %d wide, want at most %d", line, caption.width(line), width)
				}
			}
		}
	}
	if got := strings.Join(caption.wrap(text, 300, 9), " "); got != text {
		t.Errorf("wrapped text is %q", got)
	}
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	paths, err := Write(context.Background(), dir, synthetic(3))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"overview.png", "step-00.png", "step-01.png", "step-02.png", "losses.png", "plain.png", "guided.png", "maps.json"}
	for i, path := range paths {
		if i >= len(want) || path != filepath.Join(dir, want[i]) {
			t.Errorf("file %d is %s", i, path)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(want) || len(paths) != len(want) {
		t.Errorf("%d files and %d paths, want %d: %v", len(entries), len(paths), len(want), err)
	}

	if _, err := Write(context.Background(), paths[0], synthetic(3)); err == nil || !strings.Contains(err.Error(), "cannot be made") {
		t.Errorf("writing below a file: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if paths, err := Write(ctx, dir, synthetic(3)); err != context.Canceled || len(paths) > 0 {
		t.Errorf("after the context ended: %v, %v", paths, err)
	}
}

// TestLossesFall looks for the curves: the plain run's is level in the synthetic comparison, the guided run's falls.
func TestLossesFall(t *testing.T) {
	c := synthetic(20)
	img := image.NewRGBA(image.Rect(0, 0, 600, 300))
	if err := drawLosses(img, img.Rect, c); err != nil {
		t.Fatal(err)
	}
	height := func(run, from, to int) float64 {
		sum, n := 0, 0
		for p := range pixels(img, runInk[run]) {
			if p.X >= from && p.X < to && p.Y > 60 {
				sum, n = sum+p.Y, n+1
			}
		}
		if n == 0 {
			t.Fatalf("no curve of the %s run between x=%d and %d", names[run], from, to)
		}
		return float64(sum) / float64(n)
	}
	if early, late := height(1, 60, 120), height(1, 220, 280); late < early+50 {
		t.Errorf("the guided curve is at y=%.0f early and %.0f late: expected it to fall", early, late)
	}
	if early, late := height(0, 60, 120), height(0, 220, 280); late-early > 2 || early-late > 2 {
		t.Errorf("the plain curve is at y=%.0f early and %.0f late: expected it level", early, late)
	}

	c.Guided.Steps[7].Report.Height = 0
	if parts := curve(&c.Guided, func(r guidance.Report) float64 { loss, _ := r.Named(isac.LossClass); return loss.Value }); len(parts) != 2 || len(parts[0]) != 7 || parts[1][0].X != 8 {
		t.Errorf("a step that was not measured leaves %d parts", len(parts))
	}
}
