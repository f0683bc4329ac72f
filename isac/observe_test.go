package isac

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestMapsEqualPlainPyTorch compares what an observer gets with the script's maps, and checks everything else against these by
// its definition.
func TestMapsEqualPlainPyTorch(t *testing.T) {
	torchtest.Require(t)
	s := synthetic.Open(t, "synthetic")
	for _, name := range []string{"typed", "paper-wide", "one-class"} {
		synthetic.In(t, func() {
			c := s.Cases[name]
			want := func(what string) []float64 { return s.Tensor(t, "case/"+name+"/"+what).Float64s() }
			model, top := s.Layers(t, c.Model)
			session, seen := observing(t, model, targetOf(c), optionsOf(c), false)
			labels := ints(s.Tensor(t, "case/"+name+"/labels").Int64s())
			if err := session.Resume(labels, top.Height, top.Width); err != nil {
				t.Fatal(err)
			}
			_, report := guideStep(t, session, s.Tensor(t, "model/"+c.Model+"/x"), guidance.Step{Index: c.Index, Count: c.Count})
			if len(*seen) != 1 {
				t.Fatalf("the observer was called %d times, want once", len(*seen))
			}
			m := (*seen)[0]
			if m.Height != top.Height || m.Width != top.Width || !slices.Equal(m.Labels, labels) {
				t.Errorf("%s: grid %dx%d with labels %v", name, m.Height, m.Width, m.Labels)
			}
			if m.Report.StepNorm != report.StepNorm || m.Report.StepNorm == 0 || m.Report.Loss != report.Loss {
				t.Errorf("%s: the observer's report is %+v, the step's %+v", name, m.Report, report)
			}
			synthetic.Near(t, name+": CA^prop", rowMajor(m.Prop), want("prop"), 1e-6)
			compareMasks(t, guidance.Report{Labels: m.Labels, Masks: m.Masks}, want("masks"), 1e-6)
			if s.Has("case/" + name + "/sa") {
				sa := s.Tensor(t, "case/"+name+"/sa")
				if c.Options.SelfNorm == string(SelfMinMax) {
					sa, _ = minmax(sa)
				}
				synthetic.Near(t, name+": SA", floats(m.Self), sa.Float64s(), 1e-6)
				synthetic.Near(t, name+": CA", rowMajor(m.Cross), crossColumns(s.Tensor(t, "case/"+name+"/ca"), c), 1e-6)
			}
			checkForeground(t, m)
			checkPeak(t, name+": instances", m.InstancePeak, m.Masks, c.Instance)
			checkPeak(t, name+": classes", m.ClassPeak, m.Prop, c.Cls)
		})
	}
}

// crossColumns are the class columns of the script's CA, normalised and averaged by plain arithmetic.
func crossColumns(ca torch.Tensor, c synthetic.Case) []float64 {
	values, tokens := ca.Float64s(), int(ca.Size(1))
	lo, hi := math.Inf(1), math.Inf(-1)
	for i, v := range values {
		counts := c.Options.CrossNorm == string(CrossMinMax)
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
func checkForeground(t *testing.T, m guidance.Maps) {
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
func checkPeak(t *testing.T, what string, at *guidance.Peak, columns [][]float32, want float64) {
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

// observing opens a session with an observer, which may only measure, and gives what the observer sees.
func observing(t testing.TB, model guidance.Model, target guidance.Target, opt Options, measure bool) (*guidance.Session, *[]guidance.Maps) {
	t.Helper()
	var seen []guidance.Maps
	s, err := guidance.Open(guidance.Config{
		Model: model, Noise: synthetic.Plain{}, Method: opt, Target: target, Measure: measure,
		Observe: func(m guidance.Maps) { seen = append(seen, m) }, ObserveSelf: func(guidance.Step) bool { return true },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, &seen
}

// TestMeasure holds that measuring sees what guidance sees, everywhere in the run, without gradient and without moving anything.
func TestMeasure(t *testing.T) {
	torchtest.Require(t)
	layers, x := synthetic.NewLayers(t, 4), synthetic.NewLatent(t, 4, torch.Float32)
	model := synthetic.ModelFunc(func(x torch.Tensor, timestep float64) []attention.Tap {
		if torch.GradEnabled() {
			t.Error("the model is measured with gradients")
		}
		taps, _ := layers.Taps(x, timestep)
		return taps
	})
	for _, kind := range []Overlap{OverlapMPO, OverlapIoU} {
		opt := all(Typed())
		opt.Overlap = kind
		step := guidance.Step{Index: 6, Count: 10, Sigma: 3}
		_, want := guideStep(t, newSession(t, layers, catsAndDog(), opt), x, step)
		opt.End = 0.5 // step 7 is outside
		s, seen := observing(t, model, catsAndDog(), opt, true)
		out, got := guideStep(t, s, x, step)
		synthetic.Near(t, "losses", append(losses(got), got.Loss, weight(got, LossInstance)), append(losses(want), want.Loss, weight(want, LossInstance)), 1e-6)
		if got.Skipped != "" || got.Moves != 0 || got.StepNorm != 0 || got.GradNorm != 0 || got.Step != want.Step || !slices.Equal(got.Labels, want.Labels) || len(got.Masks) != 3 {
			t.Errorf("measured %+v", got)
		}
		if !slices.Equal(x.Float64s(), out.Float64s()) {
			t.Error("the latent has changed")
		}
		if len(*seen) != 1 || (*seen)[0].Report.Loss != got.Loss {
			t.Fatalf("the observer has seen %d steps, want the one", len(*seen))
		}
		checkForeground(t, (*seen)[0])
	}
}

// TestMeasureOfOneInstance holds that a target that leaves nothing to separate still has maps for an observer, and is not guided.
func TestMeasureOfOneInstance(t *testing.T) {
	torchtest.Require(t)
	x := synthetic.NewLatent(t, 4, torch.Float32)
	for _, measure := range []bool{true, false} {
		s, seen := observing(t, synthetic.NewLayers(t, 4), guidance.Target{Classes: []guidance.Class{{Name: "cat", Count: 1, Tokens: []int{2}}}}, Typed(), measure)
		_, report := guideStep(t, s, x, guidance.Step{Index: 0, Count: 10})
		if (report.Skipped == "") != measure || report.Moves != 0 || report.Loss != 0 || len(report.Masks) != 1 || report.Foreground == 0 {
			t.Errorf("measured %+v", report)
		}
		if len(*seen) != 1 || (*seen)[0].InstancePeak != nil || (*seen)[0].ClassPeak != nil || len((*seen)[0].Masks) != 1 {
			t.Errorf("the observer has seen %d steps, want one, without peaks", len(*seen))
		}
	}
}

// TestObserverOfSkippedSteps holds that an observer gets what was known when a step was skipped, and of steps outside the window all
// that there is, and hears nothing of steps that fail.
func TestObserverOfSkippedSteps(t *testing.T) {
	torchtest.Require(t)
	model, x := synthetic.NewLayers(t, 5), synthetic.NewLatent(t, 5, torch.Float64)
	many := guidance.Target{Classes: []guidance.Class{{Name: "cat", Count: 65, Tokens: []int{2}}}}
	opt := all(Typed())
	opt.End = 0.5
	for _, measure := range []bool{false, true} {
		s, seen := observing(t, model, many, opt, measure)
		for _, index := range []int{0, 8} {
			if _, report := guideStep(t, s, x, guidance.Step{Index: index, Count: 10}); !strings.Contains(report.Skipped, "fewer than the 65 instances") {
				t.Errorf("step %d: skipped %q", index, report.Skipped)
			}
		}
		if len(*seen) != 2 {
			t.Fatalf("the observer has seen %d steps, want two", len(*seen))
		}
		for _, m := range *seen {
			if m.Report.Skipped == "" || len(m.Self) != 64*64 || len(m.Cross) != 1 || len(m.Foreground) != 64 || m.Labels != nil || m.Masks != nil || m.InstancePeak != nil {
				t.Errorf("of a step that was skipped for its foreground the observer has %+v", m)
			}
		}
		if _, _, err := s.Guide(x, guidance.Step{Index: 10, Count: 10}); err == nil {
			t.Error("a step outside the run is measured")
		}
		s.Close()
		if _, _, err := s.Guide(x, guidance.Step{Index: 0, Count: 10}); err != guidance.ErrClosed || len(*seen) != 2 {
			t.Errorf("a closed session gives %v, want ErrClosed", err)
		}
	}
}

// TestObserverChangesNothing holds that a run is guided to the same bits with and without an observer, who sees the steps before
// the window too.
func TestObserverChangesNothing(t *testing.T) {
	torchtest.Require(t)
	torchtest.SameBits(t)
	model := synthetic.NewLayers(t, 5)
	opt := all(Typed())
	opt.Start, opt.End = 0.3, 0.8
	run := func(s *guidance.Session) []float64 {
		x := synthetic.NewLatent(t, 5, torch.Float32)
		for i := range 10 {
			x, _ = guideStep(t, s, x, guidance.Step{Index: i, Count: 10})
		}
		return x.Float64s()
	}
	s, seen := observing(t, model, catsAndDog(), opt, false)
	if !slices.Equal(run(s), run(newSession(t, model, catsAndDog(), opt))) {
		t.Error("an observer changes the latent")
	}
	if len(*seen) != 10 || (*seen)[0].Report.Skipped == "" || (*seen)[5].Report.Moves != 1 {
		t.Errorf("the observer has seen %d steps, want all ten", len(*seen))
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
