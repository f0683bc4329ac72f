package mmdit

import (
	"context"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// Ten Euler steps with classifier-free guidance are those of diffusers' pipeline, with 256 zero tokens in the place of T5's and with
// none.
func TestRunEqualsDiffusersPipeline(t *testing.T) {
	torchtest.Require(t)
	f, m := fixture.Open(t, "tiny-sd3"), tiny(t)
	noise, err := sampling.NewFlow(3)
	if err != nil {
		t.Fatal(err)
	}
	for name, zeros := range map[string]int64{"run.latent": 256, "run.clip.latent": 0} {
		fixture.InScope(t, func() {
			text := torch.Cat([]torch.Tensor{f.Tensor("run.uncond"), f.Tensor("run.cond")}, 0)
			text = torch.Cat([]torch.Tensor{text, torch.Zeros([]int64{2, zeros, text.Size(2)}, torch.Float32, torch.CPU)}, 1)
			vector := torch.Cat([]torch.Tensor{f.Tensor("run.unpooled"), f.Tensor("run.pooled")}, 0)
			denoise := func(x torch.Tensor, sigma float64) (torch.Tensor, error) {
				in := noise.Input(x, sigma)
				v, err := m.ForwardContext(context.Background(), torch.Cat([]torch.Tensor{in, in}, 0), noise.Timestep(sigma), text, vector, nil)
				if err != nil {
					return v, err
				}
				uncond, cond := v.Narrow(0, 0, 1), v.Narrow(0, 1, 1)
				return noise.Denoised(x, uncond.Add(cond.Sub(uncond).MulScalar(f.About.CFG)), sigma), nil
			}
			start := noise.Noised(torch.Tensor{}, f.Tensor("run.noise"), f.About.Sigmas[0])
			out, err := sampling.Euler(denoise, start, f.About.Sigmas, sampling.Hooks{})
			if err != nil {
				t.Fatal(err)
			}
			f.Near(name, out, 1e-5)
		})
	}
}
