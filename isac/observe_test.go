package isac

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestMapsEqualPlainPyTorch compares what an observer gets with the script's maps, and checks everything else against these by
// its definition.
func TestMapsEqualPlainPyTorch(t *testing.T) {
	torchtest.Require(t)
	s := openSynthetic(t)
	for _, name := range []string{"typed", "paper-wide", "one-class"} {
		in(t, func() {
			c := s.Cases[name]
			want := func(what string) []float64 { return s.tensor(t, "case/"+name+"/"+what).Float64s() }
			model, top := s.layers(t, c.Model)
			session := newSession(t, model, c.target(), c.options())
			labels := ints(s.tensor(t, "case/"+name+"/labels").Int64s())
			if err := session.Resume(labels, int(top.height), int(top.width)); err != nil {
				t.Fatal(err)
			}
			var seen []Maps
			session.Observe(func(m Maps) { seen = append(seen, m) })
			_, report := guide(t, session, s.tensor(t, "model/"+c.Model+"/x"), Step{Index: c.Index, Count: c.Count})
			if len(seen) != 1 {
				t.Fatalf("the observer was called %d times, want once", len(seen))
			}
			m := seen[0]
			if m.Height != int(top.height) || m.Width != int(top.width) || !slices.Equal(m.Labels, labels) {
				t.Errorf("%s: grid %dx%d with labels %v", name, m.Height, m.Width, m.Labels)
			}
			if m.Report.StepNorm != report.StepNorm || m.Report.StepNorm == 0 || m.Report.Loss != report.Loss {
				t.Errorf("%s: the observer's report is %+v, the step's %+v", name, m.Report, report)
			}
			near(t, name+": CA^prop", rowMajor(m.Prop), want("prop"), 1e-6)
			compareMasks(t, Report{Labels: m.Labels, Masks: m.Masks}, want("masks"), 1e-6)
			if s.file.Has("case/" + name + "/sa") {
				sa := s.tensor(t, "case/"+name+"/sa")
				if c.Options.SelfNorm == SelfMinMax {
					sa = must(minmax(sa))
				}
				near(t, name+": SA", floats(m.Self), sa.Float64s(), 1e-6)
				near(t, name+": CA", rowMajor(m.Cross), crossColumns(s.tensor(t, "case/"+name+"/ca"), c), 1e-6)
			}
			checkForeground(t, m)
			checkPeak(t, name+": instances", m.InstancePeak, m.Masks, c.Instance)
			checkPeak(t, name+": classes", m.ClassPeak, m.Prop, c.Cls)
		})
	}
}

// crossColumns are the class columns of the script's CA, normalised and averaged by plain arithmetic.
func crossColumns(ca torch.Tensor, c syntheticCase) []float64 {
	values, tokens := ca.Float64s(), int(ca.Size(1))
	lo, hi := math.Inf(1), math.Inf(-1)
	for i, v := range values {
		counts := c.Options.CrossNorm == CrossMinMax
		for _, class := range c.Classes {
			counts = counts || slices.Contains(class.Tokens, i%tokens)
		}
		if counts {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	var out []float64
	for p := range len(values) / tokens {
		for _, class := range c.Classes {
			sum := 0.0
			for _, at := range class.Tokens {
				sum += (values[p*tokens+at] - lo) / (hi - lo)
			}
			out = append(out, sum/float64(len(class.Tokens)))
		}
	}
	return out
}

// checkForeground holds that CA^bin is what is above the mean of CA^prop, and M_fg its union.
func checkForeground(t *testing.T, m Maps) {
	t.Helper()
	union := make([]bool, len(m.Foreground))
	for i, column := range m.Prop {
		mean := 0.0
		for _, v := range column {
			mean += float64(v) / float64(len(column))
		}
		for p, v := range column {
			if (float64(v) > mean) != m.ClassForeground[i][p] && math.Abs(float64(v)-mean) > 1e-6*mean {
				t.Errorf("class %d: pixel %d has %v, the mean is %v, and is in the foreground: %v", i, p, v, mean, m.ClassForeground[i][p])
			}
			union[p] = union[p] || m.ClassForeground[i][p]
		}
	}
	for p, l := range m.Labels {
		if m.Foreground[p] != union[p] || m.Foreground[p] != (l >= 0) {
			t.Errorf("pixel %d of instance %d is in the foreground: %v, in a class's: %v", p, l, m.Foreground[p], union[p])
		}
	}
}

// checkPeak holds that a peak is where two of the columns, on the grid, have the product want.
func checkPeak(t *testing.T, what string, at *Peak, columns [][]float32, want float64) {
	t.Helper()
	if len(columns) < 2 {
		if at != nil {
			t.Errorf("%s: one of them has the peak %+v", what, *at)
		}
		return
	}
	if at == nil {
		t.Fatalf("%s: there is no peak", what)
	}
	product := float64(columns[at.First][at.Pixel]) * float64(columns[at.Second][at.Pixel])
	if at.First >= at.Second || math.Abs(at.Value/want-1) > 1e-6 || math.Abs(product/want-1) > 1e-5 {
		t.Errorf("%s: the peak is %+v, where the product is %v, want %v", what, *at, product, want)
	}
}

// TestMeasure holds that measuring sees what guidance sees, everywhere in the run, without gradient and without moving anything.
func TestMeasure(t *testing.T) {
	torchtest.Require(t)
	layers, x := newLayers(t, 4), newLatent(t, 4, torch.Float32)
	model := modelFunc(func(x torch.Tensor, timestep float64) []Tap {
		if torch.GradEnabled() {
			t.Error("the model is measured with gradients")
		}
		return layers.Taps(x, timestep)
	})
	for _, kind := range []Overlap{OverlapMPO, OverlapIoU} {
		opt := all(Typed())
		opt.Overlap = kind
		_, want := guide(t, newSession(t, layers, catsAndDog(), opt), x, Step{Index: 6, Count: 10, Timestep: 300})
		opt.End = 0.5 // step 7 is outside
		s := newSession(t, model, catsAndDog(), opt)
		var seen []Maps
		s.Observe(func(m Maps) { seen = append(seen, m) })
		before := x.Float64s()
		got, err := s.Measure(x, Step{Index: 6, Count: 10, Timestep: 300})
		if err != nil {
			t.Fatal(err)
		}
		near(t, "losses", []float64{got.LossInstance, got.LossClass, got.Loss, got.LambdaInstance}, []float64{want.LossInstance, want.LossClass, want.Loss, want.LambdaInstance}, 1e-6)
		if got.Skipped != "" || got.StepNorm != 0 || got.GradNorm != 0 || got.Step != want.Step || !slices.Equal(got.Labels, want.Labels) || len(got.Masks) != 3 {
			t.Errorf("measured %+v", got)
		}
		if !slices.Equal(x.Float64s(), before) {
			t.Error("the latent has changed")
		}
		if len(seen) != 1 || seen[0].Report.Loss != got.Loss {
			t.Fatalf("the observer has seen %d steps, want the one", len(seen))
		}
		checkForeground(t, seen[0])
		s.Observe(nil)
		if _, err := s.Measure(x, Step{Index: 7, Count: 10}); err != nil || len(seen) != 1 {
			t.Errorf("%v; an observer that was taken away has seen %d steps", err, len(seen))
		}
	}
}

// TestMeasureOfOneInstance holds that a target that leaves nothing to separate still has maps.
func TestMeasureOfOneInstance(t *testing.T) {
	torchtest.Require(t)
	s := newSession(t, newLayers(t, 4), Target{Classes: []Class{{Name: "cat", Count: 1, Tokens: []int{2}}}}, Typed())
	var seen []Maps
	s.Observe(func(m Maps) { seen = append(seen, m) })
	x := newLatent(t, 4, torch.Float32)
	report, err := s.Measure(x, Step{Index: 0, Count: 10})
	if err != nil || report.Skipped != "" || report.Loss != 0 || len(report.Masks) != 1 || report.Foreground == 0 {
		t.Errorf("measured %+v, %v", report, err)
	}
	if _, report := guide(t, s, x, Step{Index: 0, Count: 10}); report.Skipped == "" {
		t.Error("one instance is guided")
	}
	if len(seen) != 1 || seen[0].InstancePeak != nil || seen[0].ClassPeak != nil || len(seen[0].Masks) != 1 {
		t.Errorf("the observer has seen %d steps, want the measured one, without peaks", len(seen))
	}
}

// TestObserverOfSkippedSteps holds that an observer gets what was known when a step was skipped, and hears nothing of steps that
// are skipped without a look or fail.
func TestObserverOfSkippedSteps(t *testing.T) {
	torchtest.Require(t)
	model, x := newLayers(t, 5), newLatent(t, 5, torch.Float64)
	many := Target{Classes: []Class{{Name: "cat", Count: 65, Tokens: []int{2}}}}
	opt := all(Typed())
	opt.End = 0.5
	s := newSession(t, model, many, opt)
	var seen []Maps
	s.Observe(func(m Maps) { seen = append(seen, m) })
	guide(t, s, x, Step{Index: 8, Count: 10})
	if len(seen) != 0 {
		t.Error("a step outside the window was observed")
	}
	guide(t, s, x, Step{Index: 0, Count: 10})
	if report, err := s.Measure(x, Step{Index: 0, Count: 10}); err != nil || !strings.Contains(report.Skipped, "fewer than the 65 instances") {
		t.Errorf("measured %+v, %v", report, err)
	}
	if len(seen) != 2 {
		t.Fatalf("the observer has seen %d steps, want two", len(seen))
	}
	for _, m := range seen {
		if m.Report.Skipped == "" || len(m.Self) != 64*64 || len(m.Cross) != 1 || len(m.Foreground) != 64 || m.Labels != nil || m.Masks != nil || m.InstancePeak != nil {
			t.Errorf("of a step that was skipped for its foreground the observer has %+v", m)
		}
	}
	if _, err := s.Measure(x, Step{Index: 10, Count: 10}); err == nil {
		t.Error("a step outside the run is measured")
	}
	s.Close()
	if _, err := s.Measure(x, Step{Index: 0, Count: 10}); err != ErrClosed || len(seen) != 2 {
		t.Errorf("a closed session gives %v, want ErrClosed", err)
	}
}

// rowMajor takes columns, each a list, to the values of their matrix row by row.
func rowMajor(columns [][]float32) []float64 {
	var out []float64
	for p := range columns[0] {
		for _, c := range columns {
			out = append(out, float64(c[p]))
		}
	}
	return out
}

func floats(values []float32) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = float64(v)
	}
	return out
}

func must(t torch.Tensor, err error) torch.Tensor {
	if err != nil {
		panic(err)
	}
	return t
}
