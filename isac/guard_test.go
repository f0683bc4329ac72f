package isac

import (
	"encoding/json"
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

// TestSkips lists what leaves the latent as it is, and why.
func TestSkips(t *testing.T) {
	torchtest.Require(t)
	good, x := synthetic.NewLayers(t, 5), synthetic.NewLatent(t, 5, torch.Float64)
	zero := torch.Scoped(func() torch.Tensor { return torch.Zeros([]int64{1, 1, 64, 4}, torch.Float64, torch.CPU) }).Keep()
	t.Cleanup(zero.Close)
	// change gives good's taps with one tensor of each replaced.
	change := func(fn func(x torch.Tensor, tap *attention.Tap)) guidance.Model {
		return synthetic.ModelFunc(func(x torch.Tensor, _ float64) []attention.Tap {
			taps, _ := good.Taps(x, 0)
			for i := range taps {
				fn(x, &taps[i])
			}
			return taps
		})
	}
	never := synthetic.ModelFunc(func(torch.Tensor, float64) []attention.Tap {
		t.Error("the model was evaluated")
		return nil
	})
	half := all(Typed())
	half.Start, half.End = 0.2, 0.5
	onlyClasses, classesFirst := all(Typed()), all(Typed())
	onlyClasses.Schedule, classesFirst.Schedule = ScheduleB, ScheduleD
	huge := all(Paper())
	huge.Eta = 1e308
	cats := guidance.Target{Classes: []guidance.Class{{Name: "cat", Count: 2, Tokens: []int{2}}}}
	for _, tt := range []struct {
		name   string
		model  guidance.Model
		target guidance.Target
		opt    Options
		index  int
		want   string
	}{
		{"before the window", never, catsAndDog(), half, 1, "step 2 of 10 is outside the guided steps 3 to 5"},
		{"after the window", never, catsAndDog(), half, 5, "step 6 of 10 is outside the guided steps 3 to 5"},
		{"one instance of one class", never, guidance.Target{Classes: []guidance.Class{{Name: "cat", Count: 1, Tokens: []int{2}}}}, all(Typed()), 0, "leaves nothing to separate"},
		{"one class, only classes weighed", never, cats, onlyClasses, 0, "schedule B gives no weight"},
		{"one class, classes first", never, cats, classesFirst, 0, "schedule D gives no weight"},
		{"more instances than pixels", good, guidance.Target{Classes: []guidance.Class{{Name: "cat", Count: 65, Tokens: []int{2}}}}, all(Typed()), 0, "fewer than the 65 instances"},
		{"a map of NaN", change(func(x torch.Tensor, tap *attention.Tap) { tap.Q = tap.Q.MulScalar(math.NaN()) }), catsAndDog(), all(Typed()), 0, "not finite"},
		{"a gradient of NaN", change(func(x torch.Tensor, tap *attention.Tap) {
			tap.Q = tap.Q.Add(x.MulScalar(0).Sqrt().SumAll()) // finite, but the slope of √0 is not
		}), catsAndDog(), all(Typed()), 0, "the gradient is not finite"},
		{"no gradient", change(func(x torch.Tensor, tap *attention.Tap) {
			tap.Q, tap.K = tap.Q.Detach().Add(x.MulScalar(0).SumAll()), tap.K.Detach()
		}), catsAndDog(), all(Typed()), 0, "the gradient is zero"},
		{"a flat map", change(func(x torch.Tensor, tap *attention.Tap) { tap.Q = tap.Q.MulScalar(0) }), catsAndDog(), all(Typed()), 0, "the cross-attention map cannot be normalised: all its values are equal"},
		{"a step out of the numbers", good, catsAndDog(), huge, 2, "leads out of the numbers"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, report := guideStep(t, newSession(t, tt.model, tt.target, tt.opt), x, guidance.Step{Index: tt.index, Count: 10})
			if !strings.Contains(report.Skipped, tt.want) {
				t.Errorf("skipped %q, want a reason that says %q", report.Skipped, tt.want)
			}
			if !slices.Equal(out.Float64s(), x.Float64s()) {
				t.Error("the latent of a skipped step has changed")
			}
			if report.StepNorm != 0 || report.GradNorm != 0 {
				t.Errorf("a skipped step reports a step of %v and a gradient of %v", report.StepNorm, report.GradNorm)
			}
			if _, err := json.Marshal(report); err != nil {
				t.Errorf("the report is no JSON: %v", err)
			}
		})
	}
}

// TestErrors lists what cannot be guided at all. Require sees to it that none of them leaves a tensor behind.
func TestErrors(t *testing.T) {
	torchtest.Require(t)
	good, x := synthetic.NewLayers(t, 6), synthetic.NewLatent(t, 6, torch.Float32)
	with := func(fn func(taps []attention.Tap) []attention.Tap) guidance.Model {
		return synthetic.ModelFunc(func(x torch.Tensor, _ float64) []attention.Tap {
			taps, _ := good.Taps(x, 0)
			return fn(taps)
		})
	}
	two := synthetic.NewLatent(t, 6, torch.Float32)
	latent := func(fn func(torch.Tensor) torch.Tensor) torch.Tensor {
		y := torch.Scoped(func() torch.Tensor { return fn(two).Clone() }).Keep()
		t.Cleanup(y.Close)
		return y
	}
	step := guidance.Step{Index: 0, Count: 10}
	for _, tt := range []struct {
		name   string
		model  guidance.Model
		target guidance.Target
		x      torch.Tensor
		step   guidance.Step
		want   []string
	}{
		{"no latent", good, catsAndDog(), torch.Tensor{}, step, []string{"the latent is undefined"}},
		{"a batch", good, catsAndDog(), latent(func(y torch.Tensor) torch.Tensor { return torch.Cat([]torch.Tensor{y, y}, 0) }), step, []string{"[2 3 8 8]", "guide each image on its own"}},
		{"a latent of integers", good, catsAndDog(), latent(func(y torch.Tensor) torch.Tensor { return y.To(torch.Int64) }), step, []string{"int64"}},
		{"a latent of NaN", good, catsAndDog(), latent(func(y torch.Tensor) torch.Tensor { return y.MulScalar(math.NaN()) }), step, []string{"the latent holds values that are not finite"}},
		{"a step outside the run", good, catsAndDog(), x, guidance.Step{Index: 10, Count: 10}, []string{"step 10 of 10", "0..count-1"}},
		{"no taps", with(func([]attention.Tap) []attention.Tap { return nil }), catsAndDog(), x, step, []string{"0 self-attention and 0 cross-attention taps"}},
		{"no cross-attention", with(func(taps []attention.Tap) []attention.Tap { return []attention.Tap{taps[0], taps[2]} }), catsAndDog(), x, step, []string{"2 self-attention and 0 cross-attention taps"}},
		{"token outside the sequence", good, guidance.Target{Classes: []guidance.Class{{Name: "cat", Count: 2, Tokens: []int{9}}}}, x, step, []string{"cat: token position 9", "9 tokens"}},
		{"taps that do not fit, all named", with(func(taps []attention.Tap) []attention.Tap {
			taps[0].Height = 7
			taps[1].Scale = 0
			taps[2].K = torch.Tensor{}
			taps[3].Keys[0].Kind = 7
			return taps
		}), catsAndDog(), x, step, []string{"the grid 7x8 has 56", "scale is 0", "undefined", "kind 7"}},
		{"a model that fails", with(func(taps []attention.Tap) []attention.Tap { taps[0].Q.Matmul(taps[1].Q.Transpose(0, 1)); return taps }), catsAndDog(), x, step, []string{"guidance: step 1 of 10", "torch.matmul"}},
		{"a model that does not depend on the latent", with(func(taps []attention.Tap) []attention.Tap {
			for i := range taps {
				taps[i].Q, taps[i].K = taps[i].Q.Detach(), taps[i].K.Detach()
			}
			return taps
		}), catsAndDog(), x, step, []string{"grad"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := torch.LiveHandles()
			_, _, err := newSession(t, tt.model, tt.target, all(Typed())).Guide(tt.x, tt.step)
			if err == nil {
				t.Fatal("there is no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			if after := torch.LiveHandles(); after != before {
				t.Errorf("%d tensors are alive after the error, %d before", after, before)
			}
		})
	}
	s := newSession(t, good, catsAndDog(), all(Typed()))
	s.Close()
	if _, _, err := s.Guide(x, step); err != guidance.ErrClosed {
		t.Errorf("a closed session gives %v, want guidance.ErrClosed", err)
	}
}
