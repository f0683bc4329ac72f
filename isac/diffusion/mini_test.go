package diffusion

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/baseline"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// loadMini loads the mini model, and the fixture that was made from the very same weights.
func loadMini(t testing.TB) (*Pipeline, *fixture.Fixture) {
	t.Helper()
	torchtest.Require(t)
	f := fixture.Open(t, "mini")
	path := filepath.Join(fixture.Dir("mini"), "..", "..", "..", "..", "examples", "mini", "model")
	f.Bound(path)
	return load(t, path, LoadOptions{}), f
}

// miniRequest is the run that the fixture has.
func miniRequest(t testing.TB, p *Pipeline, f *fixture.Fixture) SampleRequest {
	t.Helper()
	size := p.NativeSize()
	return SampleRequest{
		Positive: encode(t, p, f.About.Prompt), Negative: encode(t, p, f.About.Negative), Width: size, Height: size,
		Steps: f.About.Steps, CFG: f.About.CFG, Seed: f.About.Seed, Denoise: 1, Sampler: "ddim", Scheduler: "ddim_uniform",
	}
}

func TestMiniModelEqualsDiffusers(t *testing.T) {
	p, f := loadMini(t)
	fixture.InScope(t, func() {
		for i, prompt := range []string{f.About.Prompt, f.About.Negative} {
			c := encode(t, p, prompt)
			fixture.Near(t, "text.out of "+prompt, c.Hidden, f.Tensor("text.out").Narrow(0, int64(i), 1), 1e-4)
		}
		x, text := f.Tensor("unet.x"), f.Tensor("unet.context")
		f.Near("unet.out.1", must(p.model.Denoiser.ForwardContext(context.Background(), x, 1, text, torch.Tensor{}, nil)), 1e-4)
		f.Near("unet.out.500", must(p.model.Denoiser.ForwardContext(context.Background(), x, 500, text, torch.Tensor{}, nil)), 1e-4)
		f.Near("unet.out.999", must(p.model.Denoiser.ForwardContext(context.Background(), x, 999, text, torch.Tensor{}, nil)), 1e-4)
		torch.WithGrad(func() {
			x := f.Tensor("unet.x").SetRequiresGrad(true)
			loss := must(p.model.Denoiser.ForwardContext(context.Background(), x, 500, text, torch.Tensor{}, nil)).Mul(f.Tensor("unet.weighting")).SumAll()
			f.Near("unet.grad", torch.Grad(loss, x)[0], 1e-4)
		})
		f.Near("vae.decoded", p.model.VAE.Decode(f.Tensor("vae.z")), 1e-4)
		mean, logvar, err := p.model.VAE.Moments(f.Tensor("vae.image"))
		if err != nil {
			t.Fatal(err)
		}
		f.Near("vae.mean", mean, 1e-4)
		f.Near("vae.logvar", logvar, 1e-4)
	})
}

func TestMiniRunsEqualDiffusers(t *testing.T) {
	p, f := loadMini(t)
	for _, c := range []struct{ sampler, scheduler, want string }{{"ddim", "ddim_uniform", "run.ddim"}, {"euler", "simple", "run.euler"}} {
		t.Run(c.sampler, func(t *testing.T) {
			r := miniRequest(t, p, f)
			r.Sampler, r.Scheduler = c.sampler, c.scheduler
			latent, _, err := p.Sample(context.Background(), r)
			if err != nil {
				t.Fatal(err)
			}
			defer latent.Close()
			fixture.InScope(t, func() {
				fixture.Near(t, c.want, p.scale(latent), f.Tensor(c.want), 1e-3)
				if c.sampler == "ddim" {
					image, err := p.DecodeLatent(latent)
					if err != nil {
						t.Fatal(err)
					}
					defer image.Close()
					want := f.Tensor("run.image").MulScalar(0.5).AddScalar(0.5).Clamp(0, 1).Permute(0, 2, 3, 1)
					fixture.Near(t, "the image", image, want, 1e-3)
				}
			})
		})
	}
}

func TestMiniSigmasEqualDiffusers(t *testing.T) {
	p, f := loadMini(t)
	r := miniRequest(t, p, f)
	r.Sampler, r.Scheduler = "euler", "simple"
	pl, err := p.plan(&r)
	if err != nil {
		t.Fatal(err)
	}
	if len(pl.sigmas) != len(f.About.Sigmas)+1 {
		t.Fatalf("%d sigmas, want %d and a 0", len(pl.sigmas), len(f.About.Sigmas))
	}
	for i, want := range f.About.Sigmas {
		if math.Abs(pl.sigmas[i]/want-1) > 1e-5 {
			t.Errorf("sigma %d is %v, want %v", i, pl.sigmas[i], want)
		}
	}
}

// BenchmarkModes tells what modes of guided steps cost where every step is guided: a run of 20 steps on one image.
func BenchmarkModes(b *testing.B) {
	p, f := loadMini(b)
	r := miniRequest(b, p, f)
	target := guidance.Target{Classes: []guidance.Class{{Name: "cat", Count: 2, Tokens: tokens(r.Positive, "cats")}, {Name: "dog", Count: 1, Tokens: tokens(r.Positive, "dog")}}}
	mode := func(change func(*isac.Options)) *Guidance {
		o := isac.Typed()
		o.End = 1
		change(&o)
		return &Guidance{Target: target, Method: o}
	}
	attend := baseline.Official()
	attend.End, attend.Refine = 1, false
	for _, c := range []struct {
		name     string
		guidance *Guidance
	}{
		{"unguided", nil},
		{"exact", mode(func(*isac.Options) {})},
		{"every=2", mode(func(o *isac.Options) { o.Every = 2 })},
		{"reuse=conditional", mode(func(o *isac.Options) { o.Reuse = guidance.ReuseConditional })},
		{"reuse=shared", mode(func(o *isac.Options) { o.Reuse = guidance.ReuseShared })},
		{"depth=0.5", mode(func(o *isac.Options) { o.Depth = 0.5 })},
		{"skip_below, all steps", mode(func(o *isac.Options) { o.SkipBelow = 1e9 })},
		{"attend-and-excite, one grid", &Guidance{Target: target, Method: attend}},
	} {
		b.Run(c.name, func(b *testing.B) { runs(b, p, r, c.guidance) })
	}
}

// BenchmarkMini tells what guidance costs: a run of 20 steps on one image.
func BenchmarkMini(b *testing.B) {
	p, f := loadMini(b)
	r := miniRequest(b, p, f)
	target := guidance.Target{Classes: []guidance.Class{{Name: "cat", Count: 2, Tokens: tokens(r.Positive, "cats")}, {Name: "dog", Count: 1, Tokens: tokens(r.Positive, "dog")}}}
	every := isac.Typed()
	every.End = 1
	for _, c := range []struct {
		name     string
		guidance *Guidance
	}{
		{"unguided", nil},
		{"typed", &Guidance{Target: target, Method: isac.Typed()}},
		{"typed, every step", &Guidance{Target: target, Method: every}},
		{"paper", &Guidance{Target: target, Method: isac.Paper()}},
	} {
		b.Run(c.name, func(b *testing.B) { runs(b, p, r, c.guidance) })
	}
	four := r
	four.Batch = 4
	b.Run("four, unguided", func(b *testing.B) { runs(b, p, four, nil) })
	b.Run("four, paper", func(b *testing.B) { runs(b, p, four, &Guidance{Target: target, Method: isac.Paper()}) })
	b.Run("four, paper, one by one", func(b *testing.B) {
		pl, err := p.plan(&four)
		if err != nil {
			b.Fatal(err)
		}
		pl.part = 1
		runs(b, p, four, &Guidance{Target: target, Method: isac.Paper()}, pl)
	})
	b.Run("decode", func(b *testing.B) {
		z := torch.Zeros([]int64{1, int64(p.LatentChannels()), 16, 16}, torch.Float32, torch.CPU)
		defer z.Close()
		for b.Loop() {
			image, err := p.DecodeLatent(z)
			if err != nil {
				b.Fatal(err)
			}
			image.Close()
		}
	})
}

// runs samples, guided or not, as planned or by a plan that is given, and reports the time of the processors, which others do not stretch.
func runs(b *testing.B, p *Pipeline, r SampleRequest, g *Guidance, plans ...plan) {
	r.Guidance = g
	if len(plans) == 0 {
		pl, err := p.plan(&r)
		if err != nil {
			b.Fatal(err)
		}
		plans = []plan{pl}
	}
	before := processor()
	for b.Loop() {
		out, err := p.run(context.Background(), &r, plans[0])
		if err != nil {
			b.Fatal(err)
		}
		out.Latent.Close()
	}
	b.ReportMetric(float64((processor()-before).Milliseconds())/float64(b.N), "ms-processors")
}
