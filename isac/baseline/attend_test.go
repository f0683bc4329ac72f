package baseline

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

// catsAndDog is a target for the nine tokens of synthetic.NewLayers.
func catsAndDog() guidance.Target {
	return guidance.Target{Classes: []guidance.Class{{Name: "cat", Count: 2, Tokens: []int{2}}, {Name: "dog", Count: 1, Tokens: []int{5, 6}}}}
}

func open(t *testing.T, model guidance.Model, target guidance.Target, o AttendExcite) *guidance.Session {
	t.Helper()
	s, err := guidance.Open(guidance.Config{Model: model, Noise: synthetic.Plain{}, Method: o, Target: target})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// TestGradientIsTheLossesSlope compares the gradient along random directions with finite differences of the reported loss.
func TestGradientIsTheLossesSlope(t *testing.T) {
	torchtest.Require(t)
	step := guidance.Step{Index: 1, Count: 10}
	for _, o := range []AttendExcite{Official(), AttendPaper()} {
		for seed := range uint64(4) {
			synthetic.In(t, func() {
				s := open(t, synthetic.NewLayers(t, seed), catsAndDog(), o)
				x := synthetic.NewLatent(t, seed, torch.Float64)
				gradient, _, err := s.Gradient(x, step)
				if err != nil {
					t.Fatal(err)
				}
				loss := func(at torch.Tensor) float64 {
					_, report, err := s.Gradient(at, step)
					if err != nil {
						t.Fatal(err)
					}
					return report.Loss
				}
				const h = 1e-5
				for i := range uint64(4) {
					v := synthetic.NewLatent(t, 100+i, torch.Float64)
					slope := gradient.Mul(v).SumAll().Item()
					finite := (loss(x.Add(v.MulScalar(h))) - loss(x.Sub(v.MulScalar(h)))) / (2 * h)
					if math.Abs(slope-finite) > 1e-5*max(math.Abs(slope), gradient.NormAll().Item()) {
						t.Errorf("accumulated %v, seed %d: slope %v by gradient, %v by finite difference", o.Accumulate, seed, slope, finite)
					}
				}
			})
		}
	}
}

// TestPace holds the step sizes of 50 steps against 20·√linspace(1, ½, 50).
func TestPace(t *testing.T) {
	g := &attend{opt: Official()}
	for index, want := range map[int]float64{0: 20, 7: 20 * math.Sqrt(1-0.5*7/49), 49: 20 * math.Sqrt(0.5)} {
		if got := g.opt.Eta * g.Pace(guidance.Step{Index: index, Count: 50}); math.Abs(got-want) > 1e-12 {
			t.Errorf("step %d has the size %v, want %v", index, got, want)
		}
	}
	if got := g.Pace(guidance.Step{Count: 1}); got != 1 {
		t.Errorf("the only step has the pace %v, want 1", got)
	}
}

// TestRefinedSteps lists which steps are refined, and to what.
func TestRefinedSteps(t *testing.T) {
	for count, want := range map[int]map[int]float64{
		50: {0: 0.05, 10: 0.5, 20: 0.8}, 10: {0: 0.05, 2: 0.5, 4: 0.8}, 28: {0: 0.05, 6: 0.5, 12: 0.8}, 2: {0: 0.05, 1: 0.8}, 1: {0: 0.05},
	} {
		for i := range count {
			if got := Official().threshold(guidance.Step{Index: i, Count: count}); got != want[i] {
				t.Errorf("step %d of %d has the threshold %v, want %v", i, count, got, want[i])
			}
		}
	}
	off := Official()
	off.Refine = false
	if got := off.threshold(guidance.Step{Count: 50}); got != 0 {
		t.Errorf("without refinement the first step has the threshold %v", got)
	}
}

// TestGrids holds which resolution is read where none is asked for, and what is said of one that the model does not have.
func TestGrids(t *testing.T) {
	for _, tt := range []struct {
		name   string
		grids  [][2]int
		finest int
		asked  int
		want   int
	}{
		{"Stable Diffusion 1", [][2]int{{64, 64}, {32, 32}, {16, 16}, {8, 8}}, 64, 0, 16},
		{"Stable Diffusion 2.1 at 768", [][2]int{{96, 96}, {48, 48}, {24, 24}, {12, 12}}, 96, 0, 24},
		{"Stable Diffusion XL", [][2]int{{64, 64}, {32, 32}}, 64, 0, 32},
		{"one resolution", [][2]int{{64, 64}}, 64, 0, 64},
		{"not square", [][2]int{{64, 96}, {32, 48}, {16, 24}, {8, 12}}, 64, 0, 16},
		{"asked for", [][2]int{{64, 96}, {32, 48}, {16, 24}, {8, 12}}, 64, 32, 32},
		{"missing", [][2]int{{64, 64}, {32, 32}}, 64, 16, 0},
	} {
		var r attention.Reading
		for _, g := range tt.grids {
			r.Taps = append(r.Taps, attention.Tap{Height: g[0], Width: g[1]})
		}
		got, err := sideOf(r, tt.asked, tt.finest)
		if got != tt.want || (err != nil) != (tt.want == 0) {
			t.Errorf("%s: side %d, error %v, want %d", tt.name, got, err, tt.want)
		}
		if err != nil && (!strings.Contains(err.Error(), "64x64, 32x32") || !strings.Contains(err.Error(), "16 positions")) {
			t.Errorf("%s: error %v: want one that says which grids there are", tt.name, err)
		}
	}
}

// TestGridOfTheFinest holds that a quarter is one of the finest attention of all, which in many models is self-attention alone.
func TestGridOfTheFinest(t *testing.T) {
	synthetic.In(t, func() {
		var taps []attention.Tap
		for i, side := range []int{16, 8, 4, 2} {
			tap := attention.Tap{Name: "attn", Height: side, Width: side, Scale: 1, Keys: attention.Cross(9)}
			if i == 0 {
				tap.Keys = attention.Self(side, side)
			}
			tap.Q = torch.Zeros([]int64{1, 1, int64(side * side), 2}, torch.Float32, torch.CPU)
			tap.K = torch.Zeros([]int64{1, 1, int64(tap.Length(attention.Image) + tap.Length(attention.Text)), 2}, torch.Float32, torch.CPU)
			taps = append(taps, tap)
		}
		r, err := attention.Read(taps)
		if err != nil {
			t.Fatal(err)
		}
		g := &attend{opt: Official(), target: catsAndDog()}
		if r, err = g.read(r); err != nil || len(r.Taps) != 1 || r.Top.String() != "4x4" {
			t.Errorf("%d layers of %s are read, %v: want the one of 4x4", len(r.Taps), r.Top, err)
		}
	})
}

// TestRefinementThatIsReached holds that a loss which just reaches the threshold is enough.
func TestRefinementThatIsReached(t *testing.T) {
	step, enough := guidance.Step{Count: 50}, 1-Official().Threshold.First
	if (&attend{opt: Official()}).Again(step, 1, enough) {
		t.Error("a step that has reached its threshold is refined")
	}
	if !(&attend{opt: Official()}).Again(step, 1, enough+1e-9) {
		t.Error("a step that has not reached its threshold is not refined")
	}
}

// TestSmoothOfShortSides holds the reflection at the edges by hand, and that a side of one position is left.
func TestSmoothOfShortSides(t *testing.T) {
	synthetic.In(t, func() {
		near := math.Exp(-1)
		a, b, c := 1.0, 4.0, 9.0
		for _, tt := range [][2][]float64{
			{{a}, {a}},
			{{a, b}, {(a + 2*near*b) / (1 + 2*near), (b + 2*near*a) / (1 + 2*near)}},
			{{a, b, c}, {(a + 2*near*b) / (1 + 2*near), (b + near*(a+c)) / (1 + 2*near), (c + 2*near*b) / (1 + 2*near)}},
		} {
			n := int64(len(tt[0]))
			synthetic.Near(t, "a row", smooth(torch.FromFloat64s(tt[0], 1, 1, n)).Float64s(), tt[1], 1e-12)
			synthetic.Near(t, "a column", smooth(torch.FromFloat64s(tt[0], 1, n, 1)).Float64s(), tt[1], 1e-12)
		}
	})
}

// some is a model of a part of the taps of another.
func some(layers synthetic.Layers, first, end int) guidance.Model {
	return synthetic.ModelFunc(func(x torch.Tensor, timestep float64) []attention.Tap {
		taps, _ := layers.Taps(x, timestep)
		return taps[first:end]
	})
}

// TestJointSoftmax holds that text keys in one softmax with image keys are read as slices, or as a softmax of their own where it is
// asked for, and that the latter does not depend on the image keys.
func TestJointSoftmax(t *testing.T) {
	torchtest.Require(t)
	layers := synthetic.NewLayers(t, 3)
	joined := func(scale float64) guidance.Model {
		return synthetic.ModelFunc(func(x torch.Tensor, timestep float64) []attention.Tap {
			taps, _ := layers.Taps(x, timestep) // of 8×8 first, self and cross
			tap := taps[1]
			tap.K = torch.Cat([]torch.Tensor{taps[0].K.MulScalar(scale), tap.K}, 2)
			tap.Keys = slices.Concat(taps[0].Keys, tap.Keys)
			return []attention.Tap{tap}
		})
	}
	alone := some(layers, 1, 2)
	loss := func(model guidance.Model, renormalise bool) float64 {
		o := Official()
		o.Resolution, o.RenormaliseJoint = 8, renormalise
		var report guidance.Report
		synthetic.In(t, func() {
			var err error
			if _, report, err = open(t, model, catsAndDog(), o).Gradient(synthetic.NewLatent(t, 3, torch.Float64), guidance.Step{Count: 10}); err != nil {
				t.Fatal(err)
			}
		})
		return report.Loss
	}
	want := loss(alone, false)
	if got := []float64{loss(joined(1), true), loss(joined(3), true)}; synthetic.Difference(got, []float64{want, want}) > 1e-9 {
		t.Errorf("a softmax of the text alone has the losses %v, want %v", got, want)
	}
	if a, b := loss(joined(1), false), loss(joined(3), false); a <= want || a == b || a > 1 {
		t.Errorf("slices of one softmax have the losses %v and %v, and a softmax of the text %v: slices are weaker", a, b, want)
	}
}

// TestWhatCannotBeGuided lists what Attend-and-Excite refuses.
func TestWhatCannotBeGuided(t *testing.T) {
	torchtest.Require(t)
	layers, x := synthetic.NewLayers(t, 1), synthetic.NewLatent(t, 1, torch.Float32)
	class := func(tokens ...int) guidance.Target {
		return guidance.Target{Classes: []guidance.Class{{Name: "cat", Count: 1, Tokens: tokens}}}
	}
	if _, err := guidance.Open(guidance.Config{Model: layers, Noise: synthetic.Plain{}, Method: Official(), Target: class(0)}); err == nil ||
		!strings.Contains(err.Error(), "cat: token position 0 is left out") {
		t.Errorf("a class at the first token: error %v", err)
	}
	selfOnly := some(layers, 0, 1)
	asked := Official()
	asked.Resolution = 5
	for _, tt := range []struct {
		name   string
		model  guidance.Model
		target guidance.Target
		opt    AttendExcite
		want   string
	}{
		{"a class at the last token", layers, class(3, 8), Official(), "token position 8 is left out, as the last"},
		{"a class beyond the tokens", layers, class(9), Official(), "9 is outside the model's sequence of 9 tokens"},
		{"no cross-attention", selfOnly, class(2), Official(), "no cross-attention"},
		{"another resolution", layers, class(2), asked, "the model's grids are 8x8, 4x4"},
	} {
		if _, _, err := open(t, tt.model, tt.target, tt.opt).Guide(x, guidance.Step{Count: 10}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one that says %q", tt.name, err, tt.want)
		}
	}
}

// TestOptions holds that the presets are valid, that options are set by name, and that all mistakes are told.
func TestOptions(t *testing.T) {
	for _, o := range []AttendExcite{Official(), AttendPaper()} {
		if err := o.Validate(); err != nil {
			t.Error(err)
		}
	}
	paper := Official()
	paper.Accumulate = true // as ISAC's appendix B.1 has it
	if AttendPaper() != paper {
		t.Errorf("paper is %+v, want %+v", AttendPaper(), paper)
	}
	got, err := guidance.With(Official(), map[string]string{"eta": "10", "threshold.third": "0.9", "tries": "5", "accumulate": "true"})
	if err != nil || got.Eta != 10 || got.Threshold != (Thresholds{0.05, 0.5, 0.9}) || got.Tries != 5 || !got.Accumulate {
		t.Errorf("options %+v, %v", got, err)
	}
	bad := AttendExcite{Resolution: -1, Threshold: Thresholds{First: 2, Second: -1, Third: math.NaN()}}
	err = bad.Validate()
	for _, want := range []string{"eta is 0", "resolution is -1", "tries are 0", "threshold first is 2", "threshold second is -1", "threshold third is NaN"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it is not said %q: %v", want, err)
		}
	}
}

// TestHoldsNoTensors counts tensors: a refined step leaves its result and nothing else.
func TestHoldsNoTensors(t *testing.T) {
	torchtest.Require(t)
	o := Official()
	o.Eta, o.Threshold.First = 0.1, 0.95
	s, x := open(t, synthetic.NewLayers(t, 8), catsAndDog(), o), synthetic.NewLatent(t, 8, torch.Float32)
	for i := range 3 {
		before := torch.LiveHandles()
		out, report, err := s.Guide(x, guidance.Step{Index: i, Count: 8})
		if err != nil || report.Skipped != "" {
			t.Fatal(err, report.Skipped)
		}
		if after := torch.LiveHandles(); after != before+1 {
			t.Errorf("step %d leaves %d tensors, want 1", i, after-before)
		}
		if i == 0 && report.Moves < 2 {
			t.Errorf("the first step is moved %d times, want a refined one", report.Moves)
		}
		out.Close()
	}
}
