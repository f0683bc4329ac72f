package guidance_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
)

// given is a method that measures what a function says, and moves at most refine times while its loss is above enough.
type given struct {
	guidance.Options
	measure func(q torch.Tensor, call int) guidance.Measurement
	refine  int
	enough  float64
}

func (given) Name() string      { return "given" }
func (g given) Validate() error { return guidance.Collect("given", g.Options.Check) }
func (g given) Begin(guidance.Target) (guidance.Guide, error) {
	return &measuring{given: g}, nil
}

type measuring struct {
	given
	calls int
}

func (*measuring) Idle(guidance.Step) string { return "" }
func (m *measuring) Measure(r attention.Reading, _ guidance.Step, _ *guidance.Maps) (guidance.Measurement, error) {
	m.calls++
	return m.measure(r.Taps[0].Q, m.calls), nil
}
func (m *measuring) Again(_ guidance.Step, moves int, loss float64) bool {
	return moves < m.refine && loss > m.enough
}

// term is a measurement of one loss.
func term(weight float64, value torch.Tensor) guidance.Measurement {
	return guidance.Measurement{Terms: []guidance.Term{{Name: "loss", Weight: weight, Value: value}}}
}

// identity is a model whose one layer's queries are its latent in a type.
func identity(dtype torch.DType) guidance.Model {
	return synthetic.ModelFunc(func(x torch.Tensor, _ float64) []attention.Tap {
		n := x.Size(1)
		q := x.To(dtype).Reshape(1, n, x.Size(2)*x.Size(3), 1)
		k := torch.Zeros([]int64{1, n, 2, 1}, dtype, torch.CPU)
		return []attention.Tap{{Name: "layer", Height: int(x.Size(2)), Width: int(x.Size(3)), Q: q, K: k, Scale: 1, Keys: attention.Cross(2)}}
	})
}

// TestGradientOfAHost holds that Gradient converts as Guide does, at every step of the run, and refuses what Guide refuses.
func TestGradientOfAHost(t *testing.T) {
	synthetic.In(t, func() {
		x, m := synthetic.NewLatent(t, 1, torch.Float64), method()
		m.End = 0.1
		s := open(t, guidance.Config{Model: identity(torch.Float64), Method: m, Noise: doubled{}})
		step := guidance.Step{Index: 4, Count: 5, Sigma: 3}
		gradient, report, err := s.Gradient(x.MulScalar(2), step)
		if err != nil {
			t.Fatal(err)
		}
		// The loss is twice the mean of the squares of X_t = x.
		synthetic.Near(t, "gradient", gradient.Float64s(), x.MulScalar(4/float64(len(x.Float64s()))).Float64s(), 1e-12)
		if report.Timestep != 30 || report.Moves != 0 || report.Skipped != "" || report.Loss == 0 {
			t.Errorf("report %+v", report)
		}
		for _, c := range []struct {
			x    torch.Tensor
			step guidance.Step
			want string
		}{{torch.Cat([]torch.Tensor{x, x}, 0), step, "guide each image on its own"}, {x.MulScalar(math.Inf(1)), step, "not finite"},
			{x, guidance.Step{Index: 5, Count: 5}, "step 5 of 5"}, {x, guidance.Step{Count: 5, Sigma: -1}, "sigma -1"}, {x, guidance.Step{Count: 5, Sigma: math.NaN()}, "sigma NaN"}} {
			if _, _, err := s.Gradient(c.x, c.step); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Gradient gives %v, want an error that says %q", err, c.want)
			}
			if _, _, err := s.Guide(c.x, c.step); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Guide gives %v, want an error that says %q", err, c.want)
			}
		}
		lost := open(t, guidance.Config{Model: identity(torch.Float64), Method: m, Noise: timeless{}})
		if _, _, err := lost.Gradient(x, step); err == nil || !strings.Contains(err.Error(), "timestep NaN") {
			t.Errorf("a noise without a timestep gives %v", err)
		}
		s.Close()
		if _, _, err := s.Gradient(x, step); err != guidance.ErrClosed {
			t.Errorf("a closed session gives %v, want ErrClosed", err)
		}
	})
}

// timeless is a noise that has no timestep for any sigma.
type timeless struct{ doubled }

func (timeless) Timestep(float64) float64 { return math.NaN() }

// TestLossScaleInHalfPrecision has a loss whose slope is below what float16 holds: a scale is chosen, unless the options say which.
func TestLossScaleInHalfPrecision(t *testing.T) {
	synthetic.In(t, func() {
		x := synthetic.NewLatent(t, 1, torch.Float32)
		const slope = 1e-8
		m := given{Options: method().Options, measure: func(q torch.Tensor, _ int) guidance.Measurement {
			return term(1, q.To(torch.Float32).SumAll().MulScalar(slope))
		}}
		norm := slope * math.Sqrt(float64(len(x.Float64s())))
		for scale, want := range map[float64]float64{0: norm, 4096: norm, 1: 0} {
			m.LossScale = scale
			_, report := guide(t, open(t, guidance.Config{Model: identity(torch.Float16), Method: m}), x, guidance.Step{Count: 5})
			if math.Abs(report.GradNorm-want) > 0.01*norm || (report.Skipped == "") != (want > 0) {
				t.Errorf("loss scale %v: the gradient's norm is %v, want %v; skipped %q", scale, report.GradNorm, want, report.Skipped)
			}
		}
	})
}

// TestRefiningEnds holds that moves of one step end by the loss before the last move, and where a look finds no loss: what was reached
// stays.
func TestRefiningEnds(t *testing.T) {
	synthetic.In(t, func() {
		x := synthetic.NewLatent(t, 1, torch.Float64)
		squares := func(q torch.Tensor, _ int) guidance.Measurement { return term(1, q.Square().SumAll()) }
		m := given{Options: method().Options, measure: squares, refine: 9}
		m.Eta = 0.25 // halves the latent, so a move quarters the loss
		run := func() (factor float64, r guidance.Report) {
			out, r := guide(t, open(t, guidance.Config{Model: identity(torch.Float64), Method: m}), x, guidance.Step{Count: 5})
			return out.Float64s()[0] / x.Float64s()[0], r
		}
		m.enough = x.Square().SumAll().Item() / 10 // met before the third move
		if factor, r := run(); r.Moves != 3 || math.Abs(factor-0.125) > 1e-12 {
			t.Errorf("%d moves to %v of the latent, want 3 to 1/8", r.Moves, factor)
		}
		m.measure = func(q torch.Tensor, call int) guidance.Measurement {
			if call == 2 {
				return guidance.Measurement{Skipped: "nothing is left"}
			}
			return squares(q, call)
		}
		if factor, r := run(); r.Moves != 1 || r.Skipped != "" || math.Abs(factor-0.5) > 1e-12 || r.StepNorm == 0 {
			t.Errorf("%d moves to %v of the latent, want 1 to 1/2: %+v", r.Moves, factor, r)
		}
	})
}

// TestNoWeight holds that a step none of whose losses has weight is skipped, and is no error.
func TestNoWeight(t *testing.T) {
	synthetic.In(t, func() {
		x := synthetic.NewLatent(t, 1, torch.Float32)
		m := given{Options: method().Options, measure: func(q torch.Tensor, _ int) guidance.Measurement { return term(0, q.SumAll()) }}
		out, report := guide(t, open(t, guidance.Config{Model: identity(torch.Float32), Method: m}), x, guidance.Step{Count: 5})
		if report.Skipped != "no loss has weight at this step" || report.Moves != 0 || !slices.Equal(out.Float64s(), x.Float64s()) {
			t.Errorf("report %+v", report)
		}
	})
}

// TestSeedsOfDirections holds that random directions depend on the image's seed and the option's, by their sum.
func TestSeedsOfDirections(t *testing.T) {
	synthetic.In(t, func() {
		x, m := synthetic.NewLatent(t, 1, torch.Float32), method()
		m.Direction, m.StepRule = guidance.DirectionRandom, guidance.StepRelative
		run := func(image, option uint64) []float64 {
			m.DirectionSeed = option
			out, _ := guide(t, open(t, guidance.Config{Model: identity(torch.Float32), Method: m, Seed: image}), x, guidance.Step{Count: 5})
			return out.Float64s()
		}
		first := run(3, 4)
		if !slices.Equal(first, run(2, 5)) {
			t.Error("the same sum of seeds gives another direction")
		}
		if slices.Equal(first, run(4, 4)) || slices.Equal(first, run(3, 5)) {
			t.Error("another seed gives the same direction")
		}
	})
}
