package diffusion

import (
	"context"
	"math"
	"os"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/baseline"
	"github.com/isac-guidance/isac/isac/diffusion/denoiser/unet"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// noisy is a model of real size with random weights.
type noisy struct {
	fixture.Shapes
	random *torch.Generator
}

func (s noisy) Tensor(name string) (torch.Tensor, error) {
	shape := s.Shapes[name]
	inputs := 1.0
	for _, n := range shape[1:] {
		inputs *= float64(n)
	}
	if len(shape) == 1 {
		return torch.Full(shape, 1, torch.Float32, torch.CPU), nil
	}
	return s.random.Randn(shape...).MulScalar(1 / math.Sqrt(inputs)), nil
}

func (s noisy) DType(string) (weights.DType, bool) { return weights.F32, true }

// TestStepOfStableDiffusionSize measures what guidance costs on a UNet of Stable Diffusion 1.5's size: seconds of the processors and the
// highest memory of a step with CFG, and of a guided step of each preset and engine before it, with and without checkpoints. It takes
// minutes and 6 GB at 256 pixels, so it runs only when asked for:
//
//	ISAC_LARGE=1 [ISAC_PIXELS=512] go test -v -run StepOfStableDiffusionSize[/typed,_sparse$] ./isac/diffusion
func TestStepOfStableDiffusionSize(t *testing.T) {
	if os.Getenv("ISAC_LARGE") == "" {
		t.Skip("set ISAC_LARGE=1 to measure a UNet of real size: it takes minutes and 6 GB")
	}
	torchtest.Require(t)
	pixels, err := strconv.ParseInt(os.Getenv("ISAC_PIXELS"), 10, 64)
	if err != nil {
		pixels = 256
	}
	random := torch.NewGenerator(1)
	defer random.Close()
	src := noisy{fixture.ReadShapes(t, "sd15-unet"), random}
	cfg, err := unet.ConfigFromWeights(src, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := unet.New(weights.NewParams(src, torch.Float32, torch.CPU), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	fixture.InScope(t, func() {
		x, text := random.Randn(2, 4, pixels/8, pixels/8), random.Randn(2, 77, cfg.Context)
		var plain float64
		// Memory is that of a first run, with nothing in reserve; time is that of a second.
		measure := func(name string, fn func()) {
			torch.EmptyCache(torch.CPU)
			if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
				t.Logf("the highest memory cannot be reset: %v", err)
			}
			fixture.InScope(t, fn)
			most := highest(t)
			start, before := time.Now(), processor()
			fixture.InScope(t, fn)
			spent := (processor() - before).Seconds()
			ratio := 1 + spent/plain
			if plain == 0 {
				plain, ratio = spent, 1
			}
			t.Logf("%s: %.1f s of the processors, %.1f s; a step then takes %.2f times as long; at most %s", name, spent, time.Since(start).Seconds(), ratio, most)
		}
		torch.NoGrad(func() {
			measure("a step with CFG, unguided", func() { m.Forward(x, 500, text, torch.Tensor{}, nil) })
			measure("of it, the negative side alone", func() { m.Forward(x.Narrow(0, 0, 1), 500, text.Narrow(0, 0, 1), torch.Tensor{}, nil) })
			model := large{m, text.Narrow(0, 0, 1)}
			half, attend := isac.Typed(), baseline.Official()
			half.Depth, attend.Refine = 0.5, false
			type kind struct {
				name   string
				method guidance.Method
			}
			kinds := []kind{{"typed, depth 0.5", half}, {"attend_excite, one grid", attend}}
			for preset, method := range map[string]isac.Options{"typed": isac.Typed(), "paper": isac.Paper()} {
				for _, engine := range []isac.Engine{isac.EngineSparse, isac.EngineDense} {
					if engine == isac.EngineDense && pixels > 256 {
						continue // its maps and their gradients take longer than the model
					}
					method.Engine = engine
					kinds = append(kinds, kind{preset + ", " + string(engine), method})
				}
			}
			target := guidance.Target{Classes: []guidance.Class{{Name: "cat", Count: 2, Tokens: []int{3}}, {Name: "dog", Count: 1, Tokens: []int{6}}}}
			for _, checkpoint := range []bool{false, true} {
				m.Checkpoint(checkpoint)
				for _, k := range kinds {
					what := k.name
					if checkpoint {
						what += ", checkpoints"
					}
					t.Run(what, func(t *testing.T) {
						s, err := guidance.Open(guidance.Config{Model: model, Noise: synthetic.Plain{}, Method: k.method, Target: target})
						if err != nil {
							t.Fatal(err)
						}
						defer s.Close()
						measure(what, func() {
							if _, report, err := s.Guide(x.Narrow(0, 0, 1), guidance.Step{Index: 1, Count: 20}); err != nil || report.Skipped != "" {
								t.Errorf("%v, skipped %q", err, report.Skipped)
							}
						})
					})
				}
			}
		})
	})
}

// large is a denoiser of real size under a text, as guidance reads it.
type large struct {
	m    *unet.Model
	text torch.Tensor
}

func (l large) Layers(x torch.Tensor) []attention.Tap {
	return l.m.Layers(int(x.Size(2)), int(x.Size(3)), int(l.text.Size(1)))
}

func (l large) Taps(x torch.Tensor, timestep float64) ([]attention.Tap, error) {
	taps, _, err := l.Evaluate(x, timestep, guidance.Ask{})
	return taps, err
}

func (l large) Evaluate(x torch.Tensor, timestep float64, ask guidance.Ask) ([]attention.Tap, torch.Tensor, error) {
	r := &attention.Recorder{Only: !ask.Prediction, Layers: ask.Layers}
	out, err := l.m.ForwardContext(context.Background(), x, timestep, l.text, torch.Tensor{}, r)
	return r.Taps(), out, err
}

// processor is the time that all processors have spent on this process.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// highest is the highest memory since it was reset.
func highest(t *testing.T) string {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc here")
	}
	return regexp.MustCompile(`VmHWM:\s*(.*)`).FindStringSubmatch(string(text))[1]
}
