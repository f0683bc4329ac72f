package unet

import (
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// Ten steps of diffusers' own pipeline with classifier-free guidance: Stable Diffusion 2's velocity, SDXL's vector.
func TestRunsEqualDiffusers(t *testing.T) {
	torchtest.Require(t)
	for _, c := range []struct {
		model string
		kind  sampling.Prediction
	}{{"tiny-sd2", sampling.V}, {"tiny-sdxl", sampling.Epsilon}} {
		for _, sampler := range []struct{ name, schedule string }{{"euler", "simple"}, {"ddim", "ddim_uniform"}} {
			t.Run(c.model+" "+sampler.name, func(t *testing.T) {
				f, m := fixture.Open(t, c.model), folder(c.model)(t)
				fixture.InScope(t, func() { run(t, f, m, c.kind, sampler.name, sampler.schedule) })
			})
		}
	}
}

func run(t *testing.T, f *fixture.Fixture, m *Model, kind sampling.Prediction, name, schedule string) {
	var context, vector torch.Tensor // of the prompt, then of the negative prompt
	if m.Config.Vector == 0 {
		context = f.Tensor("unet.context")
	} else {
		context = torch.Cat([]torch.Tensor{f.Tensor("run.cond"), f.Tensor("run.uncond")}, 0)
		var err error
		if vector, err = m.Config.AddedVector(torch.Cat([]torch.Tensor{f.Tensor("run.pooled"), f.Tensor("run.unpooled")}, 0), sizesOf(f)); err != nil {
			t.Fatal(err)
		}
	}
	d, err := sampling.NewDiscrete(sampling.StableDiffusion1(), kind)
	if err != nil {
		t.Fatal(err)
	}
	sigmas, err := sampling.Schedule(schedule, d, f.About.Steps)
	if err != nil {
		t.Fatal(err)
	}
	sampler, err := sampling.Named(name, d)
	if err != nil {
		t.Fatal(err)
	}
	model := func(x torch.Tensor, sigma float64) (torch.Tensor, error) {
		in := d.Input(x, sigma)
		out := m.Forward(torch.Cat([]torch.Tensor{in, in}, 0), d.Timestep(sigma), context, vector, nil)
		cond, uncond := out.Narrow(0, 0, 1), out.Narrow(0, 1, 1)
		return d.Denoised(x, uncond.Add(cond.Sub(uncond).MulScalar(f.About.CFG)), sigma), nil
	}
	x, err := sampler(model, d.Noised(torch.Tensor{}, f.Tensor("run.noise"), sigmas[0]), sigmas, sampling.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	f.Near("run."+name, x, 1e-4)
}
