package diffusion

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// tinyFamilies are the random small models of the families beside Stable Diffusion 1, and how diffusers ran each.
var tinyFamilies = []struct {
	family, folder string
	runs           []struct{ sampler, scheduler, want string }
}{
	{"sd2", "tiny-sd2", []struct{ sampler, scheduler, want string }{{"euler", "simple", "run.euler"}, {"ddim", "ddim_uniform", "run.ddim"}}},
	{"sdxl", "tiny-sdxl", []struct{ sampler, scheduler, want string }{{"euler", "simple", "run.euler"}, {"ddim", "ddim_uniform", "run.ddim"}}},
	// Where T5 is absent ComfyUI has no tokens for it; this is the run that diffusers made so.
	{"sd3", "tiny-sd3", []struct{ sampler, scheduler, want string }{{"euler", "normal", "run.clip.latent"}}},
}

// familyRequest asks for the run that diffusers made, from its noise.
func familyRequest(t *testing.T, p *Pipeline, f *fixture.Fixture) SampleRequest {
	t.Helper()
	r := SampleRequest{
		Positive: encode(t, p, f.About.Prompt), Negative: encode(t, p, f.About.Negative),
		Steps: f.About.Steps, CFG: f.About.CFG, Denoise: 1, Noise: f.Tensor("run.noise"),
	}
	shape := r.Noise.Shape()
	r.Height, r.Width = int(shape[2])*p.Factor(), int(shape[3])*p.Factor()
	if s := f.About.Sizes; s != nil {
		r.Positive.Sizes = &family.Sizes{Height: s[0], Width: s[1], Top: s[2], Left: s[3], TargetHeight: s[4], TargetWidth: s[5]}
		r.Negative.Sizes = r.Positive.Sizes
	}
	return r
}

// TestFamiliesEqualDiffusers holds, of each family, its name, its conditioning, whole runs and their image against diffusers' own
// pipelines.
func TestFamiliesEqualDiffusers(t *testing.T) {
	torchtest.Require(t)
	for _, c := range tinyFamilies {
		t.Run(c.family, func(t *testing.T) {
			p, f := load(t, fixture.Dir(c.folder), LoadOptions{}), fixture.Open(t, c.folder)
			if p.Family().Name != c.family {
				t.Fatalf("the folder is taken for %s", p.Family().Title)
			}
			for _, run := range c.runs {
				fixture.InScope(t, func() {
					r := familyRequest(t, p, f)
					r.Sampler, r.Scheduler = run.sampler, run.scheduler
					if c.family != "sd2" { // whose fixture has no conditioning of its own
						f.Near("run.cond", r.Positive.Hidden.Narrow(2, 0, f.Tensor("run.cond").Size(2)), 1e-4)
						f.Near("run.pooled", r.Positive.Pooled, 1e-4)
						f.Near("run.unpooled", r.Negative.Pooled, 1e-4)
					}
					latent, _, err := p.Sample(context.Background(), r)
					if err != nil {
						t.Fatal(err)
					}
					defer latent.Close()
					fixture.Near(t, run.want, p.scale(latent), f.Tensor(run.want), 1e-3)
					if run.want == "run.euler" {
						image, err := p.DecodeLatent(latent)
						if err != nil {
							t.Fatal(err)
						}
						defer image.Close()
						fixture.Near(t, "the image", image, f.Tensor("run.image").MulScalar(0.5).AddScalar(0.5).Clamp(0, 1).Permute(0, 2, 3, 1), 1e-3)
					}
				})
			}
		})
	}
}

// TestFamiliesAreGuided takes guided runs of each family: they move the latent, report, and give the same bytes twice.
func TestFamiliesAreGuided(t *testing.T) {
	torchtest.Require(t)
	for _, c := range tinyFamilies {
		t.Run(c.family, func(t *testing.T) {
			p, f := load(t, fixture.Dir(c.folder), LoadOptions{}), fixture.Open(t, c.folder)
			fixture.InScope(t, func() {
				r := familyRequest(t, p, f)
				r.Sampler, r.Scheduler, r.Steps = "euler_ancestral", "normal", 4
				plain, _ := sample(t, p, r)
				for name, change := range map[string]func(*isac.Options){
					"typed": func(*isac.Options) {}, "paper": func(o *isac.Options) { *o = isac.Paper() },
					"renormalised, with all self-attention": func(o *isac.Options) { o.RenormaliseJoint, o.AuxiliarySelf = true, true },
				} {
					r.Guidance = guided(r.Positive, change)
					moved, reports := sample(t, p, r)
					again, _ := sample(t, p, r)
					if slices.Equal(plain, moved) || !slices.Equal(moved, again) {
						t.Errorf("%s: guidance changed nothing, or something else the second time", name)
					}
					if first := reports[0][0]; first.Skipped != "" || first.Moves != 1 || len(first.Masks) != 3 {
						t.Errorf("%s: the first step: %d masks, %d moves, skipped %q", name, len(first.Masks), first.Moves, first.Skipped)
					}
				}
			})
		})
	}
}

// TestGradientOfFamilies compares the gradient of each family, through its whole network in double precision, with finite differences of
// the reported loss, the instances held.
func TestGradientOfFamilies(t *testing.T) {
	torchtest.Require(t)
	for _, c := range tinyFamilies {
		t.Run(c.family, func(t *testing.T) {
			p, f := load(t, fixture.Dir(c.folder), LoadOptions{DType: torch.Float64}), fixture.Open(t, c.folder)
			fixture.InScope(t, func() {
				r := familyRequest(t, p, f)
				g := guided(r.Positive, func(o *isac.Options) { *o = isac.Typed(); o.End, o.AuxiliarySelf = 1, true })
				sigma := p.Noise().SigmaAt(500)
				x := r.Noise.To(torch.Float64)
				step := guidance.Step{Index: 1, Count: 4, Sigma: sigma}
				var labels guidance.Report
				open := func() *guidance.Session {
					s, err := guidance.Open(guidance.Config{Model: p.Conditional(r.Positive), Noise: p.Noise(), Method: g.Method, Target: g.Target})
					if err == nil && labels.Height > 0 {
						err = s.Resume(labels.Labels, labels.Height, labels.Width)
					}
					if err != nil {
						t.Fatal(err)
					}
					return s
				}
				_, labels, err := open().Gradient(x, step)
				if err != nil || labels.Skipped != "" {
					t.Fatalf("%v, skipped %q", err, labels.Skipped)
				}
				gradient, _, err := open().Gradient(x, step)
				if err != nil {
					t.Fatal(err)
				}
				loss := func(at torch.Tensor) float64 {
					_, report, err := open().Gradient(at, step)
					if err != nil || !slices.Equal(report.Labels, labels.Labels) {
						t.Fatalf("%v, or the instances changed within the finite difference", err)
					}
					return report.Loss
				}
				generator := torch.NewGenerator(5)
				defer generator.Close()
				const h = 1e-5
				for range 3 {
					v := generator.Randn(x.Shape()...).To(torch.Float64)
					// Gradients are those of X_t, the difference is taken in the sampler's x.
					slope := gradient.Mul(p.Noise().Input(v, sigma)).SumAll().Item()
					finite := (loss(x.Add(v.MulScalar(h))) - loss(x.Sub(v.MulScalar(h)))) / (2 * h)
					if math.Abs(slope-finite) > 1e-4*math.Max(math.Abs(slope), gradient.NormAll().Item()) {
						t.Errorf("slope %v by gradient, %v by finite difference", slope, finite)
					}
				}
			})
		})
	}
}
