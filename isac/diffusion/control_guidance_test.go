package diffusion

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestGuidanceSeesControl holds that the engines sparse and dense are equal through a UNet and its control net, with checkpoints and without,
// and that the gradient is another one than without the net.
func TestGuidanceSeesControl(t *testing.T) {
	torchtest.Require(t)
	for _, folder := range []string{"tiny-sd2", "tiny-sdxl"} {
		for _, checkpoint := range []bool{false, true} {
			p := load(t, fixture.Dir(folder), LoadOptions{DType: torch.Float64, Checkpoint: checkpoint})
			net := loadNet(t, folder, torch.Float64)
			fixture.InScope(t, func() {
				g := torch.NewGenerator(4)
				defer g.Close()
				x := g.Randn(1, int64(p.LatentChannels()), 16, 12).To(torch.Float64)
				plain := encode(t, p, scene)
				controlled := plain.WithControl(Control{Net: net, Picture: torch.Linspace(0, 1, 3*20*30, torch.Float32, torch.CPU).Reshape(1, 3, 20, 30), Strength: 1, End: 1}, false)
				defer controlled.Close()
				gradient := func(c Conditioning, engine isac.Engine) []float64 {
					with := guided(c, func(to *isac.Options) { *to = isac.Typed(); to.Schedule, to.Engine = isac.ScheduleC, engine })
					s, err := guidance.Open(guidance.Config{Model: p.Conditional(c), Noise: synthetic.Plain{}, Method: with.Method, Target: with.Target})
					if err != nil {
						t.Fatal(err)
					}
					defer s.Close()
					d, report, err := s.Gradient(x, guidance.Step{Index: 1, Count: 4})
					if err != nil || report.Skipped != "" {
						t.Fatal(err, report.Skipped)
					}
					return d.Float64s()
				}
				dense, sparse := gradient(controlled, isac.EngineDense), gradient(controlled, isac.EngineSparse)
				synthetic.Near(t, fmt.Sprintf("%s, checkpoints %v", folder, checkpoint), sparse, dense, 1e-10)
				if without := gradient(plain, isac.EngineSparse); slices.Equal(without, sparse) {
					t.Error("the control net changes no gradient")
				}
			})
		}
	}
}

// TestGuidedControlledRun samples a batch with guidance and a control net: each image's session sees its own picture.
func TestGuidedControlledRun(t *testing.T) {
	torchtest.Require(t)
	p, f := load(t, fixture.Dir("tiny-sd2"), LoadOptions{}), fixture.Open(t, "control")
	net := loadNet(t, "tiny-sd2", torch.Float32)
	fixture.InScope(t, func() {
		positive, negative := encode(t, p, scene), encode(t, p, "")
		pictures := f.Tensor("run.tiny-sd2.picture.two").Permute(0, 3, 1, 2)
		run := func(picture torch.Tensor, batch int, seedOf []int) []float32 {
			c := positive.WithControl(Control{Net: net, Picture: picture, Strength: 1, Start: 0.1, End: 0.9}, true)
			defer c.Close()
			latent, reports, err := p.Sample(context.Background(), SampleRequest{
				Positive: c, Negative: negative, Width: 32, Height: 24, Batch: batch, BatchIndex: seedOf, Steps: 3, CFG: 3, Sampler: "euler", Scheduler: "normal",
				Seed: 3, Denoise: 1, Guidance: guided(positive, func(o *isac.Options) { o.Start, o.End = 0, 1 }),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer latent.Close()
			if len(reports) != 3 || reports[0][0].Moves == 0 {
				t.Fatalf("reports %+v", reports)
			}
			return latent.Float32s()
		}
		both, second := run(pictures, 2, nil), run(pictures.Narrow(0, 1, 1), 1, []int{1})
		near(t, both[len(both)/2:], second, 1e-4)
	})
}
