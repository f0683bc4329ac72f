package isac

import (
	"math"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/cluster"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestAblationParity compares guided steps on MAE, KL and IoU, and such without class propagation, with plain PyTorch ones.
func TestAblationParity(t *testing.T) { parity(t, synthetic.Open(t, "ablations")) }

// TestOverlapsByHand has two pairs of masks whose overlaps are easy to work out. Of three masks, the third is far from both.
func TestOverlapsByHand(t *testing.T) {
	synthetic.In(t, func() {
		masks := torch.FromFloat64s([]float64{
			0.2, 0.4, 0,
			0.6, 0.4, 0,
			0.2, 0.2, 1,
		}, 3, 3)
		kl := 0.5 * ((0.2-0.4)*math.Log(0.2/0.4) + (0.6-0.4)*math.Log(0.6/0.4))
		for kind, want := range map[Overlap]float64{
			OverlapMPO: 0.24,
			OverlapMAE: 1 - 0.4/3,
			OverlapKL:  -kl,
			OverlapIoU: 0.8 / 1.2,
		} {
			if got := largest(masks, kind).Item(); math.Abs(got-want) > 1e-6 {
				t.Errorf("%s: overlap %v, want %v", kind, got, want)
			}
		}
		equal := torch.FromFloat64s([]float64{0.5, 0.5, 1, 1}, 2, 2)
		apart := torch.FromFloat64s([]float64{1, 0, 0, 1}, 2, 2)
		for kind, want := range map[Overlap][2]float64{
			OverlapMPO: {1, 0}, OverlapMAE: {1, 0}, OverlapKL: {0, math.Log(1e-8)}, OverlapIoU: {1, 0},
		} {
			if got := [2]float64{largest(equal, kind).Item(), largest(apart, kind).Item()}; math.Abs(got[0]-want[0]) > 1e-6 || math.Abs(got[1]-want[1]) > 1e-6 {
				t.Errorf("%s of equal and of disjoint masks: %v, want %v", kind, got, want)
			}
		}
	})
}

// largest is the largest overlap of two columns of masks.
func largest(masks torch.Tensor, kind Overlap) torch.Tensor {
	return overlap(masks, kind, *peakOf(peak(masks.Detach()).Float64s(), int(masks.Size(1))))
}

// TestOverlapsThatAreNone holds that a mask of zeros makes a loss that is not finite, which skips the step, wherever it stands.
func TestOverlapsThatAreNone(t *testing.T) {
	synthetic.In(t, func() {
		for _, masks := range [][]float64{{0, 0.2, 0.3, 0, 0.5, 0.6}, {0.2, 0.3, 0, 0.5, 0.6, 0}} {
			if got := largest(torch.FromFloat64s(masks, 2, 3), OverlapKL).Item(); !math.IsNaN(got) {
				t.Errorf("overlap %v, want NaN", got)
			}
		}
		if got := largest(torch.FromFloat64s(make([]float64, 4), 2, 2), OverlapIoU).Item(); !math.IsNaN(got) {
			t.Errorf("overlap %v, want NaN", got)
		}
	})
}

// TestEveryOverlapIsLowered takes small steps with each overlap, which separate masks as that overlap sees them.
func TestEveryOverlapIsLowered(t *testing.T) {
	torchtest.Require(t)
	model := synthetic.NewLayers(t, 2)
	for _, kind := range []Overlap{OverlapMPO, OverlapMAE, OverlapKL, OverlapIoU} {
		for name, opt := range map[string]Options{"paper": all(Paper()), "typed": all(Typed())} {
			opt.Overlap, opt.Schedule, opt.StepRule, opt.Eta = kind, ScheduleC, guidance.StepRelative, 1e-3
			s, x := newSession(t, model, catsAndDog(), opt), synthetic.NewLatent(t, 2, torch.Float64)
			before := math.Inf(1)
			for i := range 5 {
				out, report := guideStep(t, s, x, guidance.Step{Index: i, Count: 10})
				if report.Skipped != "" || report.Loss >= before {
					t.Errorf("%s, %s, step %d: loss %v after %v, skipped %q", kind, name, i, report.Loss, before, report.Skipped)
				}
				before, x = report.Loss, out
			}
		}
	}
}

// TestRandomDirection holds that the control goes exactly as far as guidance, elsewhere, differently at each step and with each
// seed, and the same way twice; that it skips what guidance skips; and that a relative step takes no gradient.
func TestRandomDirection(t *testing.T) {
	torchtest.Require(t)
	model, x := synthetic.NewLayers(t, 3), synthetic.NewLatent(t, 3, torch.Float64)
	for _, preset := range []Options{all(Paper()), all(Typed())} {
		opt := preset
		gradient := newSession(t, model, catsAndDog(), opt)
		opt.Direction = guidance.DirectionRandom
		grads := 0
		counting := synthetic.ModelFunc(func(x torch.Tensor, timestep float64) []attention.Tap {
			if torch.GradEnabled() {
				grads++
			}
			taps, _ := model.Taps(x, timestep)
			return taps
		})
		random := func(seed uint64, index int) ([]float64, guidance.Report) {
			opt.DirectionSeed = seed
			out, report := guideStep(t, newSession(t, counting, catsAndDog(), opt), x, guidance.Step{Index: index, Count: 10})
			return moves(out, x), report
		}
		out, want := guideStep(t, gradient, x, guidance.Step{Index: 2, Count: 10})
		down := moves(out, x)
		first, got := random(0, 2)
		again, _ := random(0, 2)
		later, _ := random(0, 3)
		other, _ := random(1, 2)
		if got.Skipped != "" || math.Abs(got.StepNorm/want.StepNorm-1) > 1e-9 || got.Loss != want.Loss {
			t.Errorf("%s: a random step of %v with loss %v, skipped %q; guidance goes %v with loss %v", opt.StepRule, got.StepNorm, got.Loss, got.Skipped, want.StepNorm, want.Loss)
		}
		if !slices.Equal(first, again) {
			t.Error("the same step goes elsewhere a second time")
		}
		for name, b := range map[string][]float64{"the next step": later, "another seed": other, "guidance": down} {
			// Of random directions in 192 dimensions the cosine has a standard deviation of 0.07.
			if c := cosine(first, b); math.Abs(c) > 0.35 {
				t.Errorf("%s: the cosine of a random step and %s is %v", opt.StepRule, name, c)
			}
		}
		if raw := opt.StepRule == guidance.StepRaw; (grads > 0) != raw || (got.GradNorm > 0) != raw {
			t.Errorf("%s: %d evaluations with gradient, norm %v", opt.StepRule, grads, got.GradNorm)
		}
		opt.End = 0.2
		if _, report := random(0, 2); report.Skipped == "" || report.StepNorm != 0 {
			t.Error("a random step outside the window is taken")
		}
	}
	opt := all(Typed())
	opt.Direction = guidance.DirectionRandom
	many := guidance.Target{Classes: []guidance.Class{{Name: "cat", Count: 65, Tokens: []int{2}}}}
	if _, report := guideStep(t, newSession(t, model, many, opt), x, guidance.Step{Count: 10}); report.Skipped == "" {
		t.Error("a random step is taken where guidance skips")
	}
}

// moves is out − x.
func moves(out, x torch.Tensor) []float64 {
	d := out.Float64s()
	for i, v := range x.Float64s() {
		d[i] -= v
	}
	return d
}

func cosine(a, b []float64) float64 {
	ab, aa, bb := 0.0, 0.0, 0.0
	for i := range a {
		ab, aa, bb = ab+a[i]*b[i], aa+a[i]*a[i], bb+b[i]*b[i]
	}
	return ab / math.Sqrt(aa*bb)
}

// TestEveryClusteringGuides takes a run of guided steps with each.
func TestEveryClusteringGuides(t *testing.T) {
	torchtest.Require(t)
	model := synthetic.NewLayers(t, 4)
	for _, kind := range []cluster.Kind{cluster.Spectral, cluster.GMM} {
		opt := all(Typed())
		opt.Clustering = kind
		s, x := newSession(t, model, catsAndDog(), opt), synthetic.NewLatent(t, 4, torch.Float32)
		for i := range 3 {
			out, report := guideStep(t, s, x, guidance.Step{Index: i, Count: 10})
			if report.Skipped != "" || len(report.Masks) != 3 {
				t.Errorf("%s: step %d has %d masks, skipped %q", kind, i, len(report.Masks), report.Skipped)
			}
			x = out
		}
	}
}
