package guidance_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// several is a model that evaluates up to most images at once, and writes down how many it was asked for.
type several struct {
	layers synthetic.Layers
	most   int
	half   bool
	asked  []int
	fails  error // of more than one image
}

func (m *several) Layers(x torch.Tensor) []attention.Tap {
	taps, _ := m.layers.Taps(x, 0)
	return taps
}

func (m *several) Taps(x torch.Tensor, timestep float64) ([]attention.Tap, error) {
	taps, _, err := m.Evaluate(x, timestep, guidance.Ask{})
	return taps, err
}

func (m *several) AtOnce(_ torch.Tensor, images int) int { return min(images, m.most) }
func (m *several) Crowded(images int)                    { m.most, m.fails = images/2, nil }

func (m *several) Evaluate(x torch.Tensor, _ float64, ask guidance.Ask) (taps []attention.Tap, prediction torch.Tensor, err error) {
	m.asked = append(m.asked, int(x.Size(0)))
	if x.Size(0) > 1 && m.fails != nil {
		return nil, prediction, m.fails
	}
	for row := range x.Size(0) {
		own, _ := m.layers.Taps(x.Narrow(0, row, 1), 0)
		for i, t := range own {
			if m.half {
				t.Q, t.K = t.Q.To(torch.Float16), t.K.To(torch.Float16)
			}
			if row > 0 {
				t.Q, t.K = torch.Cat([]torch.Tensor{taps[i].Q, t.Q}, 0), torch.Cat([]torch.Tensor{taps[i].K, t.K}, 0)
				taps[i] = t
				continue
			}
			taps = append(taps, t)
		}
	}
	if ask.Prediction {
		prediction = x.MulScalar(0.5)
	}
	return taps, prediction, nil
}

// step takes two steps of images with GuideAll, or one by one, and gives the latents, the reports and what was predicted.
func steps(t *testing.T, model guidance.Model, xs []torch.Tensor, method guidance.Method, alone bool) (out [][]float64, reports [][]guidance.Report, predicted []float64) {
	t.Helper()
	sessions := make([]*guidance.Session, len(xs))
	for i := range sessions {
		sessions[i] = open(t, guidance.Config{Model: model, Method: method, Noise: doubled{}, Seed: uint64(i), Predicted: func(p guidance.Prediction) {
			predicted = append(append(predicted, p.At.Float64s()...), p.Value.Float64s()...)
		}})
	}
	xs = slices.Clone(xs)
	for i := range 2 {
		step := guidance.Step{Index: i, Count: 5, Sigma: 3}
		all := make([]guidance.Report, len(xs))
		var err error
		if alone {
			for b, s := range sessions {
				xs[b], all[b] = guide(t, s, xs[b], step)
			}
		} else if xs, all, err = guidance.GuideAll(sessions, xs, step); err != nil {
			t.Fatal(err)
		}
		reports = append(reports, all)
	}
	for _, x := range xs {
		out = append(out, x.Float64s())
	}
	return out, reports, predicted
}

// TestGuideAll holds that images which are guided together end where each ends alone, with the same reports, of every kind of method, and whether what
// a step reads is read as it goes along or once.
func TestGuideAll(t *testing.T) {
	torchtest.Require(t)
	layers := synthetic.NewLayers(t, 1)
	refined, reused, skipping, random, sequential := method(), isac.Typed(), isac.Typed(), method(), sequence{method(), method()}
	refined.refine = 3
	reused.Reuse = guidance.ReuseConditional
	skipping.SkipBelow = 0.05 // between the losses of the images
	random.Direction = guidance.DirectionRandom
	for name, c := range map[string]struct {
		method guidance.Method
		most   int
		half   bool
		asked  []int // images of each evaluation
	}{
		"typed":      {method: isac.Typed(), most: 8, asked: []int{3, 3}},
		"paper":      {method: isac.Paper(), most: 8, asked: []int{3, 3}},
		"in parts":   {method: isac.Typed(), most: 2, asked: []int{2, 1, 2, 1}},
		"alone":      {method: isac.Typed(), most: 1, asked: []int{1, 1, 1, 1, 1, 1}},
		"refined":    {method: refined, most: 8, asked: []int{3, 1, 1, 1, 1, 1, 1, 3, 1, 1, 1, 1, 1, 1}},
		"reused":     {method: reused, most: 8, asked: []int{3, 3}},
		"skipping":   {method: skipping, most: 8, asked: []int{3, 3}},
		"random":     {method: random, most: 8, asked: []int{3, 3}},
		"sequence":   {method: sequential, most: 8, asked: slices.Repeat([]int{1}, 12)},
		"float16":    {method: isac.Typed(), most: 8, half: true, asked: []int{3, 3}},
		"no float16": {method: scaled(1e-9), most: 8, half: true, asked: nil}, // the first scale is of no use, and each image finds its own
	} {
		for _, once := range []string{"0", "1"} {
			t.Run(name+", once "+once, func(t *testing.T) {
				synthetic.In(t, func() {
					var xs []torch.Tensor
					for i := range uint64(3) {
						xs = append(xs, synthetic.NewLatent(t, i+1, torch.Float64))
					}
					t.Setenv(guidance.ReadOnceEnv, once)
					together, alone := &several{layers: layers, most: c.most, half: c.half}, &several{layers: layers, half: c.half}
					got, reports, predicted := steps(t, together, xs, c.method, false)
					t.Setenv(guidance.ReadOnceEnv, "0")
					want, expected, before := steps(t, alone, xs, c.method, true)
					limit := 1e-12
					if once == "1" {
						limit = 1e-9
					}
					if c.half {
						limit = 5e-3
					}
					for b := range xs {
						synthetic.Near(t, fmt.Sprintf("latent %d", b), got[b], want[b], limit)
					}
					synthetic.Near(t, "predictions", predicted, before, min(limit, 1e-9))
					if c.asked != nil && !slices.Equal(together.asked, c.asked) {
						t.Errorf("the model was asked for %v images, want %v", together.asked, c.asked)
					}
					skipped := 0
					for i := range reports {
						for b, r := range reports[i] {
							e := expected[i][b]
							if r.Skipped != "" {
								skipped++
							}
							if r.Step != e.Step || r.Skipped != e.Skipped || r.Moves != e.Moves || r.Wanted != e.Wanted || r.Height != e.Height || !slices.Equal(r.Labels, e.Labels) {
								t.Errorf("step %d, image %d: %+v, alone %+v", i, b, r, e)
							}
							synthetic.Near(t, "numbers", []float64{r.Loss, r.GradNorm, r.StepNorm, r.LatentNorm}, []float64{e.Loss, e.GradNorm, e.StepNorm, e.LatentNorm}, limit)
						}
					}
					if name == "skipping" && (skipped == 0 || skipped == 6) {
						t.Errorf("%d of 6 steps were skipped: the test has lost its subject: %+v", skipped, reports)
					}
				})
			})
		}
	}
}

// scaled is typed with a first scale of the loss.
func scaled(scale float64) isac.Options {
	o := isac.Typed()
	o.LossScale = scale
	return o
}

// TestGuideAllFails holds that an image with a latent that is none ends the step, and that memory that runs out has fewer images taken at once.
func TestGuideAllFails(t *testing.T) {
	torchtest.Require(t)
	layers := synthetic.NewLayers(t, 1)
	synthetic.In(t, func() {
		x := synthetic.NewLatent(t, 1, torch.Float64)
		xs := []torch.Tensor{x, x, x, x}
		model := &several{layers: layers, most: 4, fails: &torch.Error{Kind: torch.KindCUDAMemory}}
		got, _, _ := steps(t, model, xs, isac.Typed(), false)
		want, _, _ := steps(t, &several{layers: layers}, xs, isac.Typed(), true)
		for b := range xs {
			synthetic.Near(t, "latent", got[b], want[b], 1e-12)
		}
		if !slices.Equal(model.asked, []int{4, 2, 2, 2, 2}) {
			t.Errorf("the model was asked for %v images", model.asked)
		}
		before := torch.LiveHandles()
		for what, c := range map[string]struct {
			fails error
			bad   torch.Tensor
		}{"lost": {errors.New("the device is lost"), x}, "not finite": {nil, x.DivScalar(0)}} {
			model := &several{layers: layers, most: 4, fails: c.fails}
			a, b := open(t, guidance.Config{Model: model, Method: isac.Typed()}), open(t, guidance.Config{Model: model, Method: isac.Typed()})
			_, _, err := guidance.GuideAll([]*guidance.Session{a, b}, []torch.Tensor{x, c.bad}, guidance.Step{Index: 1, Count: 4, Sigma: 3})
			if err == nil || !strings.Contains(err.Error(), what) || !strings.HasPrefix(err.Error(), "guidance: step 2 of 4: ") {
				t.Errorf("%s: %v", what, err)
			}
		}
		if left := torch.LiveHandles() - before; left > 1 { // the latent that is none
			t.Errorf("%d tensors are left", left)
		}
	})
}

// TestALossThatIsNotFiniteIsTheImagesOwn holds that an image whose loss is no number is left alone, and the others of its batch are not.
func TestALossThatIsNotFiniteIsTheImagesOwn(t *testing.T) {
	torchtest.Require(t)
	synthetic.In(t, func() {
		xs := []torch.Tensor{synthetic.NewLatent(t, 1, torch.Float64), synthetic.NewLatent(t, 2, torch.Float64), synthetic.NewLatent(t, 3, torch.Float64)}
		calls := 0
		m := given{Options: method().Options, measure: func(q torch.Tensor, _ int) guidance.Measurement {
			loss := q.Square().SumAll()
			if calls++; calls == 2 {
				loss = loss.MulScalar(math.NaN())
			}
			return term(1, loss)
		}}
		out, reports, _ := steps(t, &several{layers: synthetic.NewLayers(t, 1), most: 3}, xs, m, false)
		calls = 2
		want, _, _ := steps(t, &several{layers: synthetic.NewLayers(t, 1), most: 1}, xs, m, false)
		for i := range xs {
			if skipped := reports[0][i].Skipped; (skipped == "the loss is not finite (NaN or Inf)") != (i == 1) {
				t.Errorf("image %d: %q", i, skipped)
			}
			if i != 1 {
				synthetic.Near(t, "latent", out[i], want[i], 1e-12)
			}
		}
	})
}
