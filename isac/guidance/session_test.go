package guidance_test

import (
	"errors"
	"fmt"
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

// energy is a method with everything that a method may have: it lowers the mean square of the first layer's queries.
type energy struct {
	guidance.Options
	refine int                             // moves of each step
	pace   float64                         // of each step
	noise  func(torch.Tensor) torch.Tensor // before sampling; nil leaves it alone
}

func (energy) Name() string      { return "energy" }
func (e energy) Validate() error { return guidance.Collect("energy", e.Options.Check) }
func (e energy) Begin(guidance.Target) (guidance.Guide, error) {
	return &lowering{energy: e}, nil
}

type lowering struct {
	energy
	measured int
}

func (*lowering) Idle(step guidance.Step) string {
	if step.Index == 3 {
		return "it is the fourth step"
	}
	return ""
}

func (l *lowering) Measure(r attention.Reading, _ guidance.Step, maps *guidance.Maps) (guidance.Measurement, error) {
	l.measured++
	if maps != nil {
		maps.Height, maps.Width = r.Top.Height, r.Top.Width
	}
	q := r.Taps[0].Q
	return guidance.Measurement{Foreground: l.measured, Terms: []guidance.Term{
		{Name: "energy", Weight: 2, Value: q.Square().MeanAll()}, {Name: "weightless", Value: q.MulScalar(0).Sqrt().SumAll()}, // its gradient is not finite
	}}, nil
}

func (l *lowering) Pace(guidance.Step) float64 { return l.pace }
func (l *lowering) Again(_ guidance.Step, moves int, loss float64) bool {
	return moves < l.refine && loss > 0
}
func (l *lowering) Score(reports []guidance.Report) float64 { return float64(len(reports)) }

func (l *lowering) Prepare(taps func(torch.Tensor) ([]attention.Tap, error), noise torch.Tensor, first guidance.Step) (torch.Tensor, error) {
	if l.noise == nil {
		return noise, nil
	}
	seen, err := taps(noise)
	if err != nil || len(seen) == 0 || first.Index != 0 {
		return noise, fmt.Errorf("%d layers at step %d: %w", len(seen), first.Index, err)
	}
	return l.noise(noise), nil
}

var cats = guidance.Target{Classes: []guidance.Class{{Name: "cat", Count: 2, Tokens: []int{2}}}}

func method() energy {
	return energy{Options: guidance.Options{Eta: 0.01, StepRule: guidance.StepRaw, End: 1, Direction: guidance.DirectionGradient}, refine: 1, pace: 1}
}

// doubled is a noise whose latents are twice the model's.
type doubled struct{}

func (doubled) Timestep(sigma float64) float64                { return 10 * sigma }
func (doubled) Input(x torch.Tensor, _ float64) torch.Tensor  { return x.DivScalar(2) }
func (doubled) Output(x torch.Tensor, _ float64) torch.Tensor { return x.MulScalar(2) }

func open(t *testing.T, c guidance.Config) *guidance.Session {
	t.Helper()
	if c.Noise == nil {
		c.Noise = synthetic.Plain{}
	}
	c.Target = cats
	s, err := guidance.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func guide(t *testing.T, s *guidance.Session, x torch.Tensor, step guidance.Step) (torch.Tensor, guidance.Report) {
	t.Helper()
	out, report, err := s.Guide(x, step)
	if err != nil {
		t.Fatal(err)
	}
	return out, report
}

// TestSessionConverts holds that the method sees the model's latent and timestep, and that the step is taken there.
func TestSessionConverts(t *testing.T) {
	layers := synthetic.NewLayers(t, 1)
	synthetic.In(t, func() {
		x := synthetic.NewLatent(t, 1, torch.Float64)
		timesteps := []float64{}
		model := synthetic.ModelFunc(func(x torch.Tensor, timestep float64) []attention.Tap {
			timesteps = append(timesteps, timestep)
			taps, _ := layers.Taps(x, timestep)
			return taps
		})
		plain, want := guide(t, open(t, guidance.Config{Model: layers, Method: method()}), x, guidance.Step{Count: 5, Sigma: 3})
		moved, got := guide(t, open(t, guidance.Config{Model: model, Method: method(), Noise: doubled{}}), x.MulScalar(2), guidance.Step{Count: 5, Sigma: 3})
		synthetic.Near(t, "the converted step", moved.DivScalar(2).Float64s(), plain.Float64s(), 1e-12)
		if !slices.Equal(timesteps, []float64{30}) || got.Timestep != 30 || got.Sigma != 3 || math.Abs(got.StepNorm/want.StepNorm-1) > 1e-9 {
			t.Errorf("timesteps %v, report %+v, want %+v", timesteps, got, want)
		}
	})
}

// TestMovesOfAStep holds that a step refines as often as the method asks for, at its pace, and reports the first losses and the whole way.
func TestMovesOfAStep(t *testing.T) {
	layers := synthetic.NewLayers(t, 2)
	synthetic.In(t, func() {
		x := synthetic.NewLatent(t, 2, torch.Float64)
		m := method()
		one, first := guide(t, open(t, guidance.Config{Model: layers, Method: m}), x, guidance.Step{Count: 5})
		two, _ := guide(t, open(t, guidance.Config{Model: layers, Method: m}), one, guidance.Step{Count: 5})
		m.refine = 2
		both, report := guide(t, open(t, guidance.Config{Model: layers, Method: m}), x, guidance.Step{Count: 5})
		synthetic.Near(t, "two moves", both.Float64s(), two.Float64s(), 1e-12)
		if way := both.Sub(x).NormAll().Item(); report.Moves != 2 || report.Loss != first.Loss || math.Abs(report.StepNorm/way-1) > 1e-9 || report.Foreground != 1 {
			t.Errorf("report %+v, want the losses of %+v and a way of %v", report, first, way)
		}
		if l, ok := report.Named("energy"); !ok || l.Weight != 2 || math.Abs(2*l.Value-report.Loss) > 1e-12 || first.Moves != 1 {
			t.Errorf("report %+v", report)
		}
		m.refine, m.pace = 1, 0.5
		half, _ := guide(t, open(t, guidance.Config{Model: layers, Method: m}), x, guidance.Step{Count: 5})
		synthetic.Near(t, "half a step", half.Sub(x).MulScalar(2).Float64s(), one.Sub(x).Float64s(), 1e-9)
	})
}

// TestSkippedSteps holds that steps outside the window, and those that the method has no use for, are left alone without a look.
func TestSkippedSteps(t *testing.T) {
	layers := synthetic.NewLayers(t, 3)
	synthetic.In(t, func() {
		x := synthetic.NewLatent(t, 3, torch.Float32)
		m := method()
		m.Start, m.End = 0.2, 0.9
		s := open(t, guidance.Config{Model: layers, Method: m})
		for index, want := range map[int]string{0: "outside the guided steps 3 to 9", 3: "the fourth step", 9: "outside"} {
			out, report := guide(t, s, x, guidance.Step{Index: index, Count: 10})
			if !strings.Contains(report.Skipped, want) || report.Moves != 0 || report.Height != 0 || !slices.Equal(out.Float64s(), x.Float64s()) {
				t.Errorf("step %d: %+v", index, report)
			}
		}
		if _, report := guide(t, s, x, guidance.Step{Index: 4, Count: 10}); report.Skipped != "" || report.Moves != 1 {
			t.Errorf("step 4: %+v", report)
		}
	})
}

// TestPrepare holds that the noise is the method's to change before a run, and not where it only measures.
func TestPrepare(t *testing.T) {
	layers := synthetic.NewLayers(t, 4)
	synthetic.In(t, func() {
		noise := synthetic.NewLatent(t, 4, torch.Float32)
		m := method()
		m.noise = func(n torch.Tensor) torch.Tensor { return n.Neg() }
		out, changed, err := open(t, guidance.Config{Model: layers, Method: m}).Prepare(noise, guidance.Step{Count: 3})
		if err != nil || !changed || !slices.Equal(out.Neg().Float64s(), noise.Float64s()) {
			t.Errorf("changed %v, %v", changed, err)
		}
		if _, changed, err := open(t, guidance.Config{Model: layers, Method: m, Measure: true}).Prepare(noise, guidance.Step{Count: 3}); changed || err != nil {
			t.Errorf("a measuring session changes the noise: %v, %v", changed, err)
		}
		broken := synthetic.ModelFunc(func(torch.Tensor, float64) []attention.Tap { return nil })
		if _, _, err := open(t, guidance.Config{Model: broken, Method: m}).Prepare(noise, guidance.Step{Count: 3}); err == nil || !strings.Contains(err.Error(), "before the first step") {
			t.Errorf("%v", err)
		}
		if _, _, err := open(t, guidance.Config{Model: layers, Method: m}).Prepare(noise, guidance.Step{Index: 5, Count: 3}); err == nil || !strings.Contains(err.Error(), "the index must be in 0..count-1") {
			t.Errorf("a step outside the run gives %v", err)
		}
		if _, _, err := open(t, guidance.Config{Model: layers, Method: m}).Prepare(noise.MulScalar(math.NaN()), guidance.Step{Count: 3}); err == nil || !strings.Contains(err.Error(), "not finite") {
			t.Errorf("noise of NaN gives %v", err)
		}
		timestep := 0.0
		told := synthetic.ModelFunc(func(x torch.Tensor, at float64) []attention.Tap {
			timestep = at
			taps, _ := layers.Taps(x, at)
			return taps
		})
		s := open(t, guidance.Config{Model: told, Method: m, Noise: doubled{}})
		if _, _, err := s.Prepare(noise, guidance.Step{Count: 3, Sigma: 3}); err != nil || timestep != 30 {
			t.Errorf("the model is told timestep %v, want 30: %v", timestep, err)
		}
		s.Close()
		if out, changed, err := s.Prepare(noise, guidance.Step{Count: 3}); out != noise || changed || err != nil {
			t.Errorf("a closed session changes the noise: %v, %v", changed, err)
		}
	})
}

// TestErrorsOfTheModel holds that a model's error ends the step and frees what was made.
func TestErrorsOfTheModel(t *testing.T) {
	torchtest.Require(t)
	wrong := errors.New("the conditioning is closed")
	x := synthetic.NewLatent(t, 5, torch.Float32)
	s := open(t, guidance.Config{Model: failing{wrong}, Method: method()})
	before := torch.LiveHandles()
	if _, _, err := s.Guide(x, guidance.Step{Count: 2}); !errors.Is(err, wrong) || !strings.Contains(err.Error(), "step 1 of 2") {
		t.Errorf("%v", err)
	}
	if _, _, err := s.Gradient(x, guidance.Step{Count: 2}); !errors.Is(err, wrong) {
		t.Errorf("%v", err)
	}
	if after := torch.LiveHandles(); after != before {
		t.Errorf("%d tensors are alive, %d before", after, before)
	}
}

type failing struct{ err error }

func (f failing) Taps(x torch.Tensor, _ float64) ([]attention.Tap, error) {
	x.Clone()
	return nil, f.err
}

// TestShortfall holds that steps that were wanted and skipped are told from those that nobody asked for.
func TestShortfall(t *testing.T) {
	layers := synthetic.NewLayers(t, 3)
	synthetic.In(t, func() {
		x := synthetic.NewLatent(t, 3, torch.Float32)
		m := method()
		m.End = 0.9
		flat := synthetic.ModelFunc(func(x torch.Tensor, timestep float64) []attention.Tap {
			taps, _ := layers.Taps(x, timestep)
			taps[0].Q = taps[0].Q.Detach().Add(x.MulScalar(0).SumAll())
			return taps
		})
		var good, bad [][]guidance.Report
		for i := range 5 {
			_, r := guide(t, open(t, guidance.Config{Model: layers, Method: m}), x, guidance.Step{Index: i, Count: 5})
			good = append(good, []guidance.Report{r})
			_, s := guide(t, open(t, guidance.Config{Model: flat, Method: m}), x, guidance.Step{Index: i, Count: 5})
			bad = append(bad, []guidance.Report{r, s})
		}
		if got := guidance.Shortfall(good); got != "" { // the fourth step and the last are nobody's
			t.Errorf("all steps were guided: %q", got)
		}
		if got, want := guidance.Shortfall(bad), "guidance was left out at 4 of 8 steps that it was asked for: the gradient is zero"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// TestNothingToGuideTowards holds that a target without classes but a reason has every step skipped with it, that the report tells
// which steps were wanted, and that the model is not asked.
func TestNothingToGuideTowards(t *testing.T) {
	torchtest.Require(t)
	m := method()
	m.End = 0.5
	s, err := guidance.Open(guidance.Config{
		Model: synthetic.Layers{}, Noise: synthetic.Plain{}, Method: m, Target: guidance.Target{Reason: "no word is read"},
		Observe: func(guidance.Maps) { t.Error("something was observed") },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = torch.InScope(func() error {
		x := torch.Ones([]int64{1, 4, 2, 2}, torch.Float32, torch.CPU)
		for i, want := range []guidance.Report{{Skipped: "no word is read", Wanted: true}, {Skipped: "step 2 of 2 is outside the guided steps 1 to 1"}} {
			out, r, err := s.Guide(x, guidance.Step{Index: i, Count: 2, Sigma: 1})
			if err != nil || r.Skipped != want.Skipped || r.Wanted != want.Wanted || !slices.Equal(out.Float32s(), x.Float32s()) {
				t.Errorf("step %d: %+v, %v", i+1, r, err)
			}
		}
		gradient, r, err := s.Gradient(x, guidance.Step{Count: 2, Sigma: 1})
		if err != nil || gradient.Defined() || r.Skipped != "no word is read" {
			t.Errorf("gradient: %+v, %v", r, err)
		}
		if _, changed, err := s.Prepare(x, guidance.Step{Count: 2, Sigma: 1}); changed || err != nil {
			t.Errorf("the noise was changed: %v", err)
		}
		return s.Resume([]int{0}, 1, 1)
	})
	if err != nil {
		t.Error(err)
	}
	if _, err := guidance.Open(guidance.Config{Model: synthetic.Layers{}, Noise: synthetic.Plain{}, Method: m}); err == nil {
		t.Error("a target without classes and reason was taken")
	}
}
