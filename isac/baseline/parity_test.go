package baseline

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// attendCase is a step that isac/testdata/make_attend.py took: what was given, and the numbers that came out.
type attendCase struct {
	Model      string
	Resolution int
	Accumulate bool
	Classes    []struct {
		Count  int
		Tokens []int
	}
	Eta          float64
	Index, Count int
	Threshold    float64
	Tries        int
	Loss         float64
	Moves        int
}

func attendCases(t *testing.T) map[string]attendCase {
	t.Helper()
	var file struct{ Cases map[string]attendCase }
	text, err := os.ReadFile(filepath.Join("..", "testdata", "attend.json"))
	if err == nil {
		err = json.Unmarshal(text, &file)
	}
	if err != nil {
		t.Fatalf("%v: write the fixture with isac/testdata/make_attend.py", err)
	}
	return file.Cases
}

// method is the case's Attend-and-Excite, with its threshold at each of the steps that are refined.
func (c attendCase) method() AttendExcite {
	o := Official()
	o.Eta, o.End, o.Resolution, o.Accumulate = c.Eta, 1, c.Resolution, c.Accumulate
	o.Refine, o.Tries, o.Threshold = c.Threshold != 0, c.Tries, Thresholds{c.Threshold, c.Threshold, c.Threshold}
	return o
}

func (c attendCase) target() guidance.Target {
	var out guidance.Target
	for i, class := range c.Classes {
		out.Classes = append(out.Classes, guidance.Class{Name: fmt.Sprintf("class %d", i), Count: class.Count, Tokens: class.Tokens})
	}
	return out
}

// TestAttendExciteEqualsPlainPyTorch compares losses, gradients, maps and steps, refined ones too, in float64 and float32.
func TestAttendExciteEqualsPlainPyTorch(t *testing.T) {
	torchtest.Require(t)
	models, numbers := synthetic.Open(t, "synthetic"), synthetic.Open(t, "attend")
	for name, c := range attendCases(t) {
		for dt, limit := range map[torch.DType]float64{torch.Float64: 1e-8, torch.Float32: 1e-4} {
			t.Run(fmt.Sprintf("%s/%s", name, dt), func(t *testing.T) {
				synthetic.In(t, func() { compareAttend(t, models, numbers, name, c, dt, limit) })
			})
		}
	}
}

func compareAttend(t *testing.T, models, numbers *synthetic.Fixture, name string, c attendCase, dt torch.DType, limit float64) {
	want := func(what string) []float64 { return numbers.Tensor(t, "case/"+name+"/"+what).Float64s() }
	model, _ := models.Layers(t, c.Model)
	x := models.Tensor(t, "model/"+c.Model+"/x").To(dt)
	var seen guidance.Maps
	session, err := guidance.Open(guidance.Config{
		Model: model, Noise: synthetic.Plain{}, Method: c.method(), Target: c.target(), Observe: func(m guidance.Maps) { seen = m },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	step := guidance.Step{Index: c.Index, Count: c.Count}
	gradient, _, err := session.Gradient(x, step)
	if err != nil {
		t.Fatal(err)
	}
	synthetic.Near(t, "gradient", gradient.Float64s(), want("gradient"), limit)
	stepped, report, err := session.Guide(x, step)
	if err != nil || report.Skipped != "" {
		t.Fatalf("%v, skipped %q", err, report.Skipped)
	}
	if report.Moves != c.Moves {
		t.Errorf("the latent was moved %d times, want %d", report.Moves, c.Moves)
	}
	loss, _ := report.Named(LossAttend)
	synthetic.Near(t, "loss", []float64{loss.Value, report.Loss}, []float64{c.Loss, c.Loss}, limit)
	synthetic.Near(t, "stepped latent", stepped.Float64s(), want("stepped"), limit)
	var maps []float64
	for _, m := range seen.Cross {
		for _, v := range m {
			maps = append(maps, float64(v))
		}
	}
	synthetic.Near(t, "maps", maps, want("maps"), max(limit, 1e-6)) // observers get float32
	shape := numbers.Tensor(t, "case/"+name+"/maps").Shape()
	for _, size := range [][2]int{{seen.Height, seen.Width}, {report.Height, report.Width}} {
		if int64(size[0]) != shape[1] || int64(size[1]) != shape[2] {
			t.Errorf("the maps are on a grid of %v, want %v", size, shape[1:])
		}
	}
}
