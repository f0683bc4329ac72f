package isac

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// catsAndDog is a target for newLayers' nine tokens.
func catsAndDog() guidance.Target {
	return guidance.Target{Classes: []guidance.Class{{Name: "cat", Count: 2, Tokens: []int{2}}, {Name: "dog", Count: 1, Tokens: []int{5, 6}}}}
}

// all is a preset over the whole run.
func all(o Options) Options {
	o.Start, o.End = 0, 1
	return o
}

func newSession(t testing.TB, model guidance.Model, target guidance.Target, opt Options) *guidance.Session {
	t.Helper()
	s, err := guidance.Open(guidance.Config{Model: model, Noise: synthetic.Plain{}, Method: opt, Target: target})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// gradientOf is the gradient of a session's losses at x, nil where the step is skipped, and its report.
func gradientOf(t testing.TB, s *guidance.Session, x torch.Tensor, step guidance.Step) ([]float64, guidance.Report) {
	t.Helper()
	g, r, err := s.Gradient(x, step)
	if err != nil {
		t.Fatal(err)
	}
	if r.Skipped != "" {
		return nil, r
	}
	return g.Float64s(), r
}

// losses are L_ins and L_cls of a report.
func losses(r guidance.Report) []float64 {
	instance, _ := r.Named(LossInstance)
	class, _ := r.Named(LossClass)
	return []float64{instance.Value, class.Value}
}

// weight is λ of a loss.
func weight(r guidance.Report, name string) float64 {
	l, _ := r.Named(name)
	return l.Weight
}

// guideStep takes one guided step and closes the result with the test.
func guideStep(t testing.TB, s *guidance.Session, x torch.Tensor, step guidance.Step) (torch.Tensor, guidance.Report) {
	t.Helper()
	out, report, err := s.Guide(x, step)
	if err != nil {
		t.Fatal(err)
	}
	out.Keep()
	t.Cleanup(out.Close)
	return out, report
}

// TestGradientIsTheLossesSlope compares the gradient along random directions with finite differences of the reported loss.
func TestGradientIsTheLossesSlope(t *testing.T) {
	torchtest.Require(t)
	model, x := synthetic.NewLayers(t, 1), synthetic.NewLatent(t, 1, torch.Float64)
	step := guidance.Step{Index: 4, Count: 10}
	for name, opt := range map[string]Options{"paper": all(Paper()), "typed": all(Typed())} {
		first := newSession(t, model, catsAndDog(), opt)
		_, seen := guideStep(t, first, x, step)
		loss := func(at torch.Tensor) float64 {
			s := newSession(t, model, catsAndDog(), opt)
			if err := s.Resume(seen.Labels, seen.Height, seen.Width); err != nil {
				t.Fatal(err)
			}
			_, report := guideStep(t, s, at, step)
			if !slices.Equal(report.Labels, seen.Labels) {
				t.Fatal("the clusters changed within the finite difference: use a smaller one")
			}
			return report.Loss
		}
		synthetic.In(t, func() {
			s := newSession(t, model, catsAndDog(), opt)
			if err := s.Resume(seen.Labels, seen.Height, seen.Width); err != nil {
				t.Fatal(err)
			}
			gradient, _, err := s.Gradient(x, step)
			if err != nil {
				t.Fatal(err)
			}
			const h = 1e-5
			for seed := range uint64(4) {
				v := synthetic.NewLatent(t, 100+seed, torch.Float64)
				slope := gradient.Mul(v).SumAll().Item()
				finite := (loss(x.Add(v.MulScalar(h))) - loss(x.Sub(v.MulScalar(h)))) / (2 * h)
				if math.Abs(slope-finite) > 1e-5*math.Max(math.Abs(slope), gradient.NormAll().Item()) {
					t.Errorf("%s: slope %v by gradient, %v by finite difference", name, slope, finite)
				}
			}
		})
	}
}

// TestStepLowersTheLoss takes small steps and looks at the loss after each.
func TestStepLowersTheLoss(t *testing.T) {
	torchtest.Require(t)
	model := synthetic.NewLayers(t, 2)
	for name, opt := range map[string]Options{"paper": all(Paper()), "typed": all(Typed())} {
		opt.Eta = map[string]float64{"paper": 1e-4, "typed": 1e-4}[name]
		opt.Schedule = ScheduleC // the same weights at every step, so that losses can be compared
		s := newSession(t, model, catsAndDog(), opt)
		x := synthetic.NewLatent(t, 2, torch.Float64)
		before := math.Inf(1)
		for i := range 6 {
			out, report := guideStep(t, s, x, guidance.Step{Index: i, Count: 10})
			if report.Skipped != "" || report.Loss >= before {
				t.Errorf("%s, step %d: loss %v after %v, skipped %q", name, i, report.Loss, before, report.Skipped)
			}
			before, x = report.Loss, out
		}
	}
}

// TestStepRules checks the length and direction of a step.
func TestStepRules(t *testing.T) {
	torchtest.Require(t)
	model, x := synthetic.NewLayers(t, 3), synthetic.NewLatent(t, 3, torch.Float64)
	for _, rule := range []guidance.StepRule{guidance.StepRaw, guidance.StepRelative} {
		opt := all(Typed())
		opt.StepRule, opt.Eta = rule, 0.03
		out, report := guideStep(t, newSession(t, model, catsAndDog(), opt), x, guidance.Step{Index: 2, Count: 10})
		synthetic.In(t, func() {
			want := 0.03 * report.GradNorm
			if rule == guidance.StepRelative {
				want = 0.03 * x.NormAll().Item()
			}
			moved := out.Sub(x).NormAll().Item()
			if math.Abs(moved-want) > 1e-9*want || math.Abs(report.StepNorm-want) > 1e-9*want {
				t.Errorf("%s: moved by %v, reported %v, want %v", rule, moved, report.StepNorm, want)
			}
			if norm := x.NormAll().Item(); math.Abs(report.LatentNorm-norm) > 1e-9*norm {
				t.Errorf("%s: the latent's norm is reported as %v, it is %v", rule, report.LatentNorm, norm)
			}
		})
	}
}

// TestReport checks what a guided step says of itself.
func TestReport(t *testing.T) {
	torchtest.Require(t)
	model, x := synthetic.NewLayers(t, 4), synthetic.NewLatent(t, 4, torch.Float32)
	step := guidance.Step{Index: 3, Count: 10, Sigma: 7}
	_, r := guideStep(t, newSession(t, model, catsAndDog(), all(Typed())), x, step)
	if r.Step != step || r.Skipped != "" || r.Height != 8 || r.Width != 8 {
		t.Errorf("report %+v is not of this step or grid", r)
	}
	if a, b := weight(r, LossInstance), weight(r, LossClass); math.Abs(a-0.7) > 1e-12 || math.Abs(b-0.3) > 1e-12 {
		t.Errorf("weights %v and %v, want 0.7 and 0.3", a, b)
	}
	instance, class := losses(r)[0], losses(r)[1]
	if want := 0.7*instance + 0.3*class; math.Abs(r.Loss-want) > 1e-9 || instance <= 0 || instance > 0.25 || class <= 0 {
		t.Errorf("losses %v, %v and %v do not hold together, want the sum %v and L_ins in (0, 1/4]", instance, class, r.Loss, want)
	}
	count := map[int]int{}
	for p, l := range r.Labels {
		count[l]++
		sum := 0.0
		for _, mask := range r.Masks {
			sum += float64(mask[p])
		}
		if sum > 1+1e-5 || (l < 0) != (sum == 0) {
			t.Errorf("pixel %d of instance %d has masks that sum to %v", p, l, sum)
		}
	}
	if len(r.Masks) != 3 || len(r.Labels) != 64 || 64-count[-1] != r.Foreground || count[0] == 0 || count[1] == 0 || count[2] == 0 {
		t.Errorf("%d masks, %d labels, pixels by instance %v, foreground %d", len(r.Masks), len(r.Labels), count, r.Foreground)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Errorf("the report is no JSON: %v", err)
	}
}

// TestGuideIsDeterministic runs two sessions over the same steps.
func TestGuideIsDeterministic(t *testing.T) {
	torchtest.Require(t)
	torchtest.SameBits(t)
	model := synthetic.NewLayers(t, 7)
	run := func() ([]float64, []int) {
		s, x := newSession(t, model, catsAndDog(), all(Paper())), synthetic.NewLatent(t, 7, torch.Float32)
		var labels []int
		for i := range 4 {
			var r guidance.Report
			x, r = guideStep(t, s, x, guidance.Step{Index: i, Count: 10})
			labels = append(labels, r.Labels...)
		}
		return x.Float64s(), labels
	}
	first, labels := run()
	second, again := run()
	if !slices.Equal(first, second) || !slices.Equal(labels, again) {
		t.Error("the same run gives another latent or other instances a second time")
	}
}

// TestGuideHoldsNoTensors counts tensors over a run: one step leaves its result and nothing else.
func TestGuideHoldsNoTensors(t *testing.T) {
	torchtest.Require(t)
	model, x := synthetic.NewLayers(t, 8), synthetic.NewLatent(t, 8, torch.Float32)
	s := newSession(t, model, catsAndDog(), all(Typed()))
	for i := range 5 {
		before := torch.LiveHandles()
		out, _, err := s.Guide(x, guidance.Step{Index: i, Count: 5})
		if err != nil {
			t.Fatal(err)
		}
		if after := torch.LiveHandles(); after != before+1 {
			t.Errorf("step %d leaves %d tensors, want 1", i, after-before)
		}
		out.Close()
	}
}

// TestGuideKeepsTheType guides a latent in bfloat16: maps and step are computed wide, the result is bfloat16 again.
func TestGuideKeepsTheType(t *testing.T) {
	torchtest.Require(t)
	model := synthetic.NewLayers(t, 9)
	wideX, x := synthetic.NewLatent(t, 9, torch.Float32), synthetic.NewLatent(t, 9, torch.BFloat16)
	opt := all(Typed())
	opt.Eta = 0.5 // bfloat16 has 8 bits
	step := guidance.Step{Index: 1, Count: 10}
	want, _ := guideStep(t, newSession(t, model, catsAndDog(), opt), wideX, step)
	got, r := guideStep(t, newSession(t, model, catsAndDog(), opt), x, step)
	if r.Skipped != "" || got.DType() != torch.BFloat16 {
		t.Fatalf("got %s, skipped %q", got.DType(), r.Skipped)
	}
	synthetic.Near(t, "step in bfloat16", got.Float64s(), want.Float64s(), 0.15)
}

// TestLossScaleDoesNotChangeTheStep holds for any scale in a wide type.
func TestLossScaleDoesNotChangeTheStep(t *testing.T) {
	torchtest.Require(t)
	model, x := synthetic.NewLayers(t, 10), synthetic.NewLatent(t, 10, torch.Float64)
	opt := all(Paper()) // a raw step: a relative one does not see a scale
	want, _ := guideStep(t, newSession(t, model, catsAndDog(), opt), x, guidance.Step{Index: 1, Count: 10})
	opt.LossScale = 4096
	got, _ := guideStep(t, newSession(t, model, catsAndDog(), opt), x, guidance.Step{Index: 1, Count: 10})
	synthetic.Near(t, "step", got.Float64s(), want.Float64s(), 1e-12)
}

func TestResumeChecksLabels(t *testing.T) {
	s := newSession(t, synthetic.Layers{}, catsAndDog(), Typed())
	for _, tt := range []struct {
		labels []int
		want   string
	}{{nil, "0 labels"}, {[]int{0, 1, 2}, "3 labels for a grid of 2x2"}, {[]int{0, 1, 3, -1}, "label 3 at pixel 2"}, {[]int{0, -2, 1, 2}, "label -2 at pixel 1"}} {
		if err := s.Resume(tt.labels, 2, 2); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Resume(%v) gives %v, want an error that says %q", tt.labels, err, tt.want)
		}
	}
	if err := s.Resume([]int{0, 1, 2, -1}, 2, 2); err != nil {
		t.Error(err)
	}
}
