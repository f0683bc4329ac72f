package guidance_test

import (
	"runtime"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// supposing measures what given does, and at its first step cannot but read; what it supposes at others is right but at some.
type supposing struct {
	given
	wrong []int
	calls *[]string
}

func (s supposing) Begin(guidance.Target) (guidance.Guide, error) {
	return &deferring{measuring: measuring{given: s.given}, supposing: s}, nil
}

type deferring struct {
	measuring
	supposing supposing
}

func (d *deferring) Measure(r attention.Reading, step guidance.Step, maps *guidance.Maps) (guidance.Measurement, error) {
	*d.supposing.calls = append(*d.supposing.calls, "measure")
	m, err := d.measuring.Measure(r, step, maps)
	m.Foreground = 7 + step.Index
	return m, err
}

func (d *deferring) Defer(r attention.Reading, step guidance.Step, _ *guidance.Maps) ([]guidance.Term, guidance.Deferred, bool, error) {
	if step.Index == 0 {
		return nil, guidance.Deferred{}, false, nil
	}
	*d.supposing.calls = append(*d.supposing.calls, "defer")
	m := d.measure(r.Taps[0].Q, 1)
	right := !slices.Contains(d.supposing.wrong, step.Index)
	if !right { // another loss, which must have no effect
		m = term(1, r.Taps[0].Q.SumAll())
	}
	number := torch.Full([]int64{1}, float64(7+step.Index), torch.Float64, torch.CPU)
	return m.Terms, guidance.Deferred{Values: number, Take: func(values []float64) (guidance.Measurement, bool) {
		return guidance.Measurement{Foreground: int(values[0]), Height: 8, Width: 8}, right
	}}, true, nil
}

// TestDeferring holds that what was supposed wrongly leaves nothing behind: the step is measured once more, with an evaluation where the gradient was
// taken before it could be known, and that a run stops to suppose after two such steps.
func TestDeferring(t *testing.T) {
	torchtest.Require(t)
	layers := synthetic.NewLayers(t, 1)
	for name, c := range map[string]struct {
		wrong       []int
		skipBelow   float64
		direction   guidance.Direction
		calls       []string
		evaluations int
	}{
		"right":     {calls: []string{"measure", "defer", "defer", "defer", "defer"}, evaluations: 5},
		"wrong":     {wrong: []int{2}, calls: []string{"measure", "defer", "defer", "measure", "defer", "defer"}, evaluations: 6},
		"too often": {wrong: []int{1, 2}, calls: []string{"measure", "defer", "measure", "defer", "measure", "measure", "measure"}, evaluations: 7},
		"known before the gradient": {wrong: []int{2}, skipBelow: 1e-9,
			calls: []string{"measure", "defer", "defer", "measure", "defer", "defer"}, evaluations: 5},
		"random": {wrong: []int{2}, direction: guidance.DirectionRandom,
			calls: []string{"measure", "defer", "defer", "measure", "defer", "defer"}, evaluations: 6},
	} {
		t.Run(name, func(t *testing.T) {
			synthetic.In(t, func() {
				var outs [2][]float64
				var all [2][]guidance.Report
				for i, env := range []string{"0", "1"} {
					t.Setenv(guidance.ReadOnceEnv, env)
					evaluations, calls := 0, []string{}
					m := supposing{given: given{Options: method().Options, measure: func(q torch.Tensor, _ int) guidance.Measurement { return term(1, q.Square().MeanAll()) }}, wrong: c.wrong, calls: &calls}
					m.SkipBelow = c.skipBelow
					if c.direction != "" {
						m.Direction = c.direction
					}
					model := synthetic.ModelFunc(func(x torch.Tensor, timestep float64) []attention.Tap {
						evaluations++
						taps, _ := layers.Taps(x, timestep)
						return taps
					})
					s := open(t, guidance.Config{Model: model, Method: m, Seed: 1})
					x := synthetic.NewLatent(t, 1, torch.Float64)
					for step := range 5 {
						var r guidance.Report
						x, r = guide(t, s, x, guidance.Step{Index: step, Count: 5})
						all[i] = append(all[i], r)
					}
					outs[i] = x.Float64s()
					if i == 1 && (!slices.Equal(calls, c.calls) || evaluations != c.evaluations) {
						t.Errorf("%v in %d evaluations, want %v in %d", calls, evaluations, c.calls, c.evaluations)
					}
				}
				synthetic.Near(t, "latent", outs[1], outs[0], 1e-12)
				for step, want := range all[0] {
					got := all[1][step]
					if got.Foreground != 7+step || got.Height != 8 || got.Moves != 1 || got.Skipped != "" || got.Loss != want.Loss {
						t.Errorf("step %d: %+v, want %+v", step, got, want)
					}
					synthetic.Near(t, "norms", []float64{got.GradNorm, got.StepNorm, got.LatentNorm}, []float64{want.GradNorm, want.StepNorm, want.LatentNorm}, 1e-12)
				}
			})
		})
	}
}

// TestReadsOfAStep holds that a step of one image, and of several at once, reads from the device once, of a float16 model too.
func TestReadsOfAStep(t *testing.T) {
	torchtest.Require(t)
	t.Setenv(guidance.ReadOnceEnv, "1")
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	layers := synthetic.NewLayers(t, 1)
	for name, c := range map[string]struct {
		images int
		half   bool
	}{"one": {1, false}, "three": {3, false}, "one, float16": {1, true}, "three, float16": {3, true}} {
		t.Run(name, func(t *testing.T) {
			synthetic.In(t, func() {
				var sessions []*guidance.Session
				var xs []torch.Tensor
				for i := range c.images {
					sessions = append(sessions, open(t, guidance.Config{Model: &several{layers: layers, most: 8, half: c.half}, Method: isac.Typed()}))
					xs = append(xs, synthetic.NewLatent(t, uint64(i+1), torch.Float64))
				}
				for step := range 3 {
					profile := torch.StartProfile(torch.ProfileOptions{Device: torch.CPU, Events: true})
					next, reports, err := guidance.GuideAll(sessions, xs, guidance.Step{Index: step, Count: 6})
					reads := 0
					for _, e := range profile.Stop() {
						if e.Kind == torch.EventRead {
							reads++
						}
					}
					if err != nil || reports[0].Moves != 1 {
						t.Fatal(err, reports[0])
					}
					if step > 0 && reads != 1 {
						t.Errorf("step %d reads %d times", step, reads)
					}
					xs = next
				}
			})
		})
	}
}

// TestScaleOfALossThatChanges holds that a float16 model's step whose loss was scaled as at the step before, and is another thousand times smaller, is
// taken again, with what reading gives.
func TestScaleOfALossThatChanges(t *testing.T) {
	torchtest.Require(t)
	layers := synthetic.NewLayers(t, 1)
	for _, images := range []int{1, 2} {
		synthetic.In(t, func() {
			var outs [2][]float64
			for i, env := range []string{"0", "1"} {
				t.Setenv(guidance.ReadOnceEnv, env)
				step := 0
				m := given{Options: method().Options, measure: func(q torch.Tensor, _ int) guidance.Measurement {
					return term(1, q.To(torch.Float32).Square().MeanAll().MulScalar([]float64{1, 1e-9, 1e-9, 1e-9}[step]))
				}}
				m.StepRule, m.Eta = guidance.StepRelative, 0.1
				model := &several{layers: layers, most: 8, half: true}
				var sessions []*guidance.Session
				var xs []torch.Tensor
				for image := range images {
					sessions = append(sessions, open(t, guidance.Config{Model: model, Method: m}))
					xs = append(xs, synthetic.NewLatent(t, uint64(image+1), torch.Float64))
				}
				for step = range 4 {
					var reports []guidance.Report
					var err error
					if xs, reports, err = guidance.GuideAll(sessions, xs, guidance.Step{Index: step, Count: 4}); err != nil || reports[0].Moves != 1 {
						t.Fatal(err, reports)
					}
				}
				for _, x := range xs {
					outs[i] = append(outs[i], x.Float64s()...)
				}
				want := map[int][]int{1: {1, 1, 1, 1}, 2: {2, 2, 1, 1, 2, 2}}[images] // the second step again, of several each alone
				if env == "1" && images == 1 {
					want = []int{1, 1, 1, 1, 1}
				}
				if !slices.Equal(model.asked, want) {
					t.Errorf("%s: the model was asked for %v images, want %v", env, model.asked, want)
				}
			}
			synthetic.Near(t, "latents", outs[1], outs[0], 5e-3)
		})
	}
}
