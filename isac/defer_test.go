package isac

import (
	"fmt"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// counted counts the evaluations of a model.
type counted struct {
	synthetic.Layers
	evaluations *int
}

func (c counted) Taps(x torch.Tensor, timestep float64) ([]attention.Tap, error) {
	*c.evaluations++
	return c.Layers.Taps(x, timestep)
}

// TestReadOnceEqualsReading holds the latents and reports of runs of random models and options equal, whether a step reads as it goes along or once at
// its end.
func TestReadOnceEqualsReading(t *testing.T) {
	torchtest.Require(t)
	const steps = 4
	once, again, joint := 0, 0, 0
	for seed := range uint64(100) {
		synthetic.In(t, func() {
			model, target, opt, _ := configuration(t, seed)
			opt.Start, opt.End = 0, 1
			for dt, limit := range map[torch.DType]float64{torch.Float64: 1e-9, torch.Float32: 1e-3} {
				x := synthetic.NewLatent(t, seed, dt)
				var outs [2][]torch.Tensor
				var reports [2][]guidance.Report
				var seen [2]*[]guidance.Maps
				for i, env := range []string{"0", "1"} {
					t.Setenv(guidance.ReadOnceEnv, env)
					evaluations := 0
					counts := counted{model.Layers, &evaluations}
					s := newSession(t, counts, target, opt)
					if seed%2 == 0 {
						s, seen[i] = observing(t, counts, target, opt, false)
					}
					at := x
					for step := range steps {
						before := evaluations
						out, report := guideStep(t, s, at, guidance.Step{Index: step, Count: steps})
						outs[i], reports[i] = append(outs[i], out), append(reports[i], report)
						at = out
						if i == 1 && step > 0 && report.Skipped == "" {
							if evaluations-before == 1 {
								once++
							} else {
								again++
							}
							if model.Joint {
								joint++
							}
						}
					}
				}
				for step := range steps {
					a, b := reports[0][step], reports[1][step]
					what := fmt.Sprintf("seed %d, %s, joint %v, step %d, %+v", seed, dt, model.Joint, step, opt)
					if a.Skipped != b.Skipped || a.Foreground != b.Foreground || !slices.Equal(a.Labels, b.Labels) || a.Height != b.Height {
						t.Fatalf("%s: reading %q, %d pixels %v; at once %q, %d %v", what, a.Skipped, a.Foreground, a.Labels, b.Skipped, b.Foreground, b.Labels)
					}
					synthetic.Near(t, what+": latent", outs[1][step].Float64s(), outs[0][step].Float64s(), limit)
					synthetic.Near(t, what+": losses", losses(b), losses(a), limit)
					synthetic.Near(t, what+": norms", []float64{b.GradNorm, b.StepNorm}, []float64{a.GradNorm, a.StepNorm}, limit)
					for i, m := range a.Masks {
						synthetic.Near(t, fmt.Sprintf("%s: mask %d", what, i), floats(b.Masks[i]), floats(m), 1e-3)
					}
				}
				if seen[0] != nil {
					sameMaps(t, fmt.Sprintf("seed %d, %s", seed, dt), *seen[1], *seen[0])
				}
			}
		})
	}
	t.Logf("%d steps in one evaluation, %d in two, %d of joint layers", once, again, joint)
	if once < 300 || joint < 60 || again > once/10 {
		t.Errorf("%d steps in one evaluation, %d in two, %d of joint layers: the test has lost its subject", once, again, joint)
	}
}

// TestReadOnceOfExtremesInSeveralRows holds that SA's smallest and largest element, where they stand in several rows, have the gradient of them all: in a
// latent that is its own mirror image.
func TestReadOnceOfExtremesInSeveralRows(t *testing.T) {
	torchtest.Require(t)
	synthetic.In(t, func() {
		model := synthetic.NewLayers(t, 3)
		half := synthetic.NewLatent(t, 3, torch.Float64).Narrow(3, 0, 4)
		var outs [2][]float64
		for i, env := range []string{"0", "1"} {
			t.Setenv(guidance.ReadOnceEnv, env)
			s := newSession(t, model, catsAndDog(), all(Paper()))
			x := torch.Cat([]torch.Tensor{half, half.Flip(3)}, 3)
			if _, report := guideStep(t, s, x, guidance.Step{Index: 0, Count: 10}); report.Skipped != "" {
				t.Fatal(report.Skipped)
			}
			moved, _ := guideStep(t, s, x, guidance.Step{Index: 1, Count: 10}) // with the groups of the first
			outs[i] = moved.Float64s()
		}
		synthetic.Near(t, "latent", outs[1], outs[0], 1e-9)
	})
}

// sameMaps holds what an observer has seen of two runs equal.
func sameMaps(t *testing.T, what string, got, want []guidance.Maps) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d steps, want %d", what, len(got), len(want))
	}
	for step, a := range want {
		b := got[step]
		if !slices.Equal(a.Foreground, b.Foreground) || len(a.Cross) != len(b.Cross) || len(a.Prop) != len(b.Prop) || len(a.Self) != len(b.Self) {
			t.Fatalf("%s, step %d: %+v, want %+v", what, step, b, a)
		}
		synthetic.Near(t, what+": SA", floats(b.Self), floats(a.Self), 1e-3)
		for i := range a.Prop {
			synthetic.Near(t, what+": CA", floats(b.Cross[i]), floats(a.Cross[i]), 1e-3)
			synthetic.Near(t, what+": CA^prop", floats(b.Prop[i]), floats(a.Prop[i]), 1e-3)
			if !slices.Equal(a.ClassForeground[i], b.ClassForeground[i]) {
				t.Fatalf("%s, step %d: another foreground of class %d", what, step, i)
			}
		}
		for i, p := range []*guidance.Peak{a.InstancePeak, a.ClassPeak} {
			q := []*guidance.Peak{b.InstancePeak, b.ClassPeak}[i]
			if (p == nil) != (q == nil) {
				t.Fatalf("%s, step %d: peaks %v, want %v", what, step, q, p)
			}
			if p != nil && (q.Pixel != p.Pixel || q.First != p.First || q.Second != p.Second) {
				t.Errorf("%s, step %d: peak %+v, want %+v", what, step, *q, *p)
			}
		}
	}
}
