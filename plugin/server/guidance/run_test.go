package guidance_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	core "github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/isac/prompt"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/plugin"
)

const (
	steps = 4
	cfg   = 3.0
	seed  = 11
	batch = 2
)

// TestGuidedRunEqualsOurSampler takes runs of a host with a model and an Euler loop of its own, guided by a session, and holds them
// against the same runs of package diffusion: latents and reports of every family, in both parametrisations, with σ, with the timestep
// and with both, with the prompt encoded here or there.
func TestGuidedRunEqualsOurSampler(t *testing.T) {
	h := connect(t, "mini", "tiny-sd2", "tiny-sdxl", "tiny-sd3")
	for _, c := range []struct {
		model, method string
		plain         bool // the host's x is X_t
		told          string
		encoded       bool
	}{
		{"mini", "isac", false, "sigma", false},
		{"mini", "isac", true, "timestep", true},
		{"mini", "attend_excite", false, "both", true},
		{"tiny-sd2", "isac", true, "both", true},
		{"tiny-sdxl", "isac", false, "sigma", true},
		{"tiny-sd3", "isac", false, "sigma", true},
		{"tiny-sd3", "isac", true, "timestep", false},
	} {
		t.Run(c.model+" "+c.method+" "+c.told, func(t *testing.T) {
			p, err := diffusion.Load(folder(c.model), diffusion.LoadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			own := newSampler(t, c.model, p)
			err = torch.InScope(func() error {
				want, reports := own.ours(t, c.method)
				config := plugin.GuidanceConfig{
					Checkpoint: c.model, Prompt: catsAndDog, Method: c.method, Parametrisation: plugin.ParametrisationComfyUI,
					Images: batch, Seed: seed, Options: changed,
				}
				if c.plain {
					config.Parametrisation = plugin.ParametrisationModel
				}
				if c.encoded {
					config.Hidden = sent(own.positive.Hidden, plugin.Float32)
					if own.positive.Pooled.Defined() {
						config.Pooled = sent(own.positive.Pooled, plugin.Float32)
					}
				}
				session := h.open(t, config)
				moved := 0
				latent := own.run(func(i int, sigma float64, x torch.Tensor) torch.Tensor {
					step := plugin.GuidanceStep{Index: i, Count: steps, Masks: true}
					if c.told != "timestep" {
						step.Level.Sigma = &sigma
					}
					if c.told != "sigma" {
						told := own.model.Noise.Timestep(sigma)
						step.Level.Timestep = &told
					}
					if c.plain {
						x = own.model.Noise.Input(x, sigma)
					}
					step.Latents = sent(x, plugin.Float32)
					result, err := session.Guide(t.Context(), step)
					if err != nil {
						t.Fatal(err)
					}
					for b, r := range result.Reports {
						same(t, r, reports[i][b])
						moved += r.Moves
					}
					x = got(t, result.Latents)
					if c.plain {
						x = own.model.Noise.Output(x, sigma)
					}
					return x
				})
				apart := latent.Sub(want).NormAll().Item() / want.NormAll().Item()
				t.Logf("%d moves; the latents differ by %.2g of their norm", moved, apart)
				// Attend-and-Excite moves a step again until its loss is low, from where the last bits of both have led it.
				limit := 1e-5
				if strings.Contains(t.Name(), "attend") {
					limit = 1e-4
				}
				if moved == 0 || !(apart <= limit) {
					t.Errorf("%d moves, the latents differ by %g of their norm, expected at most %g", moved, apart, limit)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// changed are the options of these runs, which all methods have.
var changed = map[string]string{"end": "1"}

// sampler is a host's own: a model and a loop.
type sampler struct {
	pipeline           *diffusion.Pipeline // encodes, and makes the run that is compared with
	model              *family.Model
	positive, negative diffusion.Conditioning
	sigmas             []float64
}

func newSampler(t *testing.T, name string, p *diffusion.Pipeline) *sampler {
	t.Helper()
	files, err := family.Open(folder(name))
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	s := &sampler{pipeline: p}
	err = torch.InScope(func() (err error) {
		s.model, err = family.Load(files, torch.Float32, torch.CPU)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.model.Close)
	for text, c := range map[string]*diffusion.Conditioning{catsAndDog: &s.positive, "": &s.negative} {
		if *c, err = p.EncodePrompt(text); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
	}
	if s.sigmas, err = sampling.PartialSchedule("normal", s.model.Noise, steps, 1); err != nil {
		t.Fatal(err)
	}
	return s
}

// side is the latents' side: small, for the machine's sake.
func (s *sampler) side() int { return min(16, s.pipeline.NativeSize()/s.pipeline.Factor()) }

// ours is the run of package diffusion.
func (s *sampler) ours(t *testing.T, name string) (torch.Tensor, [][]core.Report) {
	t.Helper()
	method, err := methods.Named(name, "")
	if err == nil {
		method, err = core.With(method, changed)
	}
	if err != nil {
		t.Fatal(err)
	}
	target, err := methods.TargetFromPrompt(prompt.Parse(catsAndDog), s.positive.Spans)
	if err != nil {
		t.Fatal(err)
	}
	pixels := s.side() * s.pipeline.Factor()
	latent, reports, err := s.pipeline.Sample(context.Background(), diffusion.SampleRequest{
		Positive: s.positive, Negative: s.negative, Width: pixels, Height: pixels, Batch: batch, Steps: steps, CFG: cfg, Denoise: 1,
		Seed: seed, Sampler: "euler", Scheduler: "normal", Guidance: &diffusion.Guidance{Method: method, Target: target},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer latent.Close()
	return latent.Clone(), reports
}

// run is the host's loop; guide is called at the beginning of each step.
func (s *sampler) run(guide func(i int, sigma float64, x torch.Tensor) torch.Tensor) (out torch.Tensor) {
	torch.NoGrad(func() {
		side, channels := int64(s.side()), s.model.VAE.Config.LatentChannels
		g := torch.NewGenerator(seed)
		defer g.Close()
		x := s.model.Noise.Noised(torch.Tensor{}, g.Randn(batch, channels, side, side), s.sigmas[0])
		for i, sigma := range s.sigmas[:steps] {
			x = guide(i, sigma, x)
			slope := x.Sub(s.denoised(x, sigma)).DivScalar(sigma)
			x = x.Add(slope.MulScalar(s.sigmas[i+1] - sigma))
		}
		out = x.DivScalar(s.model.VAE.Config.Scaling).AddScalar(s.model.VAE.Config.Shift)
	})
	return out
}

// denoised evaluates the model on both prompts.
func (s *sampler) denoised(x torch.Tensor, sigma float64) torch.Tensor {
	pixels := s.side() * s.pipeline.Factor()
	predict := func(c diffusion.Conditioning) torch.Tensor {
		vector, err := s.model.Vector(c.Pooled, family.Sizes{Height: pixels, Width: pixels, TargetHeight: pixels, TargetWidth: pixels})
		if err != nil {
			panic(err)
		}
		if vector.Defined() {
			vector = vector.Expand(batch, -1)
		}
		out, err := s.model.Denoiser.ForwardContext(context.Background(), s.model.Noise.Input(x, sigma), s.model.Noise.Timestep(sigma),
			c.Hidden.Expand(batch, -1, -1), vector, nil)
		if err != nil {
			panic(err)
		}
		return out
	}
	negative := predict(s.negative)
	return s.model.Noise.Denoised(x, negative.Add(predict(s.positive).Sub(negative).MulScalar(cfg)), sigma)
}

// same holds a report against the sampler's own.
func same(t *testing.T, r plugin.GuidanceReport, want core.Report) {
	t.Helper()
	limit := 1e-4
	if strings.Contains(t.Name(), "attend") {
		limit = 1e-3 // see there
	}
	near := func(name string, got, expected float64) {
		if d := math.Abs(got - expected); !(d <= limit*max(1, expected)) {
			t.Errorf("step %d: %s is %v, the sampler's %v", want.Index, name, got, expected)
		}
	}
	near("sigma", r.Sigma, want.Sigma)
	near("timestep", r.Timestep, want.Timestep)
	near("loss", r.Loss, want.Loss)
	near("gradient norm", r.GradNorm, want.GradNorm)
	near("step norm", r.StepNorm, want.StepNorm)
	near("latent norm", r.LatentNorm, want.LatentNorm)
	if r.Skipped != want.Skipped || r.Wanted != want.Wanted || r.Moves != want.Moves || r.Foreground != want.Foreground ||
		r.Height != want.Height || r.Width != want.Width || len(r.Losses) != len(want.Losses) || len(r.Labels) != len(want.Labels) {
		t.Errorf("report %+v, the sampler's is %+v", r, want)
	}
	if n := len(want.Masks); n > 0 && (len(r.Masks.Shape) != 3 || r.Masks.Shape[0] != int64(n)) {
		t.Errorf("masks of shape %v, expected %d", r.Masks.Shape, n)
	}
}
