package guidance_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// sequence is two methods, one after the other.
type sequence struct {
	energy
	second energy
}

func (s sequence) Methods() []guidance.Method { return []guidance.Method{s.energy, s.second} }
func (s sequence) Validate() error            { return errors.Join(s.energy.Validate(), s.second.Validate()) }

// TestSequence holds that a sequence is its methods in turn, each in its own window, and that its report has what both did.
func TestSequence(t *testing.T) {
	torchtest.Require(t)
	layers := synthetic.NewLayers(t, 1)
	synthetic.In(t, func() {
		first, second := method(), method()
		first.End, second.Start, second.Eta, second.refine = 0.6, 0.2, 0.5, 2
		x := synthetic.NewLatent(t, 1, torch.Float64)
		both := open(t, guidance.Config{Model: layers, Method: sequence{first, second}, Noise: doubled{}})
		alone := []*guidance.Session{
			open(t, guidance.Config{Model: layers, Method: first, Noise: doubled{}}), open(t, guidance.Config{Model: layers, Method: second, Noise: doubled{}}),
		}
		for i, moves := range []int{1, 3, 3, 0, 2} { // the fourth step is one that the methods have no use for
			step := guidance.Step{Index: i, Count: 5, Sigma: 3}
			got, report := guide(t, both, x, step)
			half, one := guide(t, alone[0], x, step)
			want, two := guide(t, alone[1], half, step)
			synthetic.Near(t, "latent", got.Float64s(), want.Float64s(), 0)
			if report.Moves != moves || report.Moves != one.Moves+two.Moves || (report.Skipped == "") != (moves > 0) {
				t.Errorf("step %d: %d moves, skipped %q, want %d", i, report.Moves, report.Skipped, moves)
			}
			if losses := slices.Concat(one.Losses, two.Losses); !slices.Equal(report.Losses, losses) || report.Loss != one.Loss+two.Loss {
				t.Errorf("step %d: losses %v, %v, want %v", i, report.Losses, report.Loss, losses)
			}
			norm := got.Sub(x).DivScalar(2).NormAll().Item()
			if math.Abs(report.StepNorm-norm) > 1e-12 || moves > 0 && math.Abs(report.LatentNorm-x.NormAll().Item()/2) > 1e-9 {
				t.Errorf("step %d: moved by %v of %v, want %v", i, report.StepNorm, report.LatentNorm, norm)
			}
			x = got
		}
		if _, _, err := both.Gradient(x, guidance.Step{Count: 5}); err == nil || !strings.Contains(err.Error(), "each with a gradient of its own") {
			t.Errorf("the gradient of two methods: %v", err)
		}
		both.Close()
		if _, _, err := both.Guide(x, guidance.Step{Count: 5, Sigma: 3}); !errors.Is(err, guidance.ErrClosed) {
			t.Errorf("a closed sequence says %v", err)
		}
	})
}

// TestSequenceObservesOnce holds that an observer hears of a step once, and that each method may change the noise.
func TestSequenceObservesOnce(t *testing.T) {
	torchtest.Require(t)
	layers := synthetic.NewLayers(t, 1)
	synthetic.In(t, func() {
		first, second := method(), method()
		first.noise = func(x torch.Tensor) torch.Tensor { return x.AddScalar(1) }
		second.noise = func(x torch.Tensor) torch.Tensor { return x.MulScalar(2) }
		calls := 0
		s := open(t, guidance.Config{Model: layers, Method: sequence{first, second}, Observe: func(guidance.Maps) { calls++ }})
		x := synthetic.NewLatent(t, 1, torch.Float64)
		out, changed, err := s.Prepare(x, guidance.Step{Count: 5, Sigma: 3})
		if err != nil || !changed {
			t.Fatal(changed, err)
		}
		synthetic.Near(t, "noise", out.Float64s(), x.AddScalar(1).MulScalar(2).Float64s(), 1e-12)
		guide(t, s, x, guidance.Step{Count: 5, Sigma: 3})
		if calls != 1 {
			t.Errorf("the observer was called %d times", calls)
		}
	})
}

// TestSequenceFails holds that mistakes of every part are reported, and an error of one ends the step.
func TestSequenceFails(t *testing.T) {
	torchtest.Require(t)
	layers := synthetic.NewLayers(t, 1)
	synthetic.In(t, func() {
		first, second := method(), method()
		first.Eta, second.Start = -1, 2
		_, err := guidance.Open(guidance.Config{Model: layers, Noise: synthetic.Plain{}, Method: sequence{first, second}, Target: cats})
		if err == nil || !strings.Contains(err.Error(), "step size eta is -1") || !strings.Contains(err.Error(), "the window of steps is 2 to 1") {
			t.Errorf("two mistakes give %v", err)
		}
		s, x := open(t, guidance.Config{Model: layers, Method: sequence{method(), method()}}), synthetic.NewLatent(t, 1, torch.Float64)
		if _, _, err := s.Guide(x.MulScalar(math.NaN()), guidance.Step{Count: 5, Sigma: 3}); err == nil || !strings.Contains(err.Error(), "not finite") {
			t.Errorf("a latent that is none gives %v", err)
		}
	})
}
