package diffusion

import (
	"fmt"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestEnginesAreEqualInFamilies holds losses and gradients of the engines sparse and dense equal through the networks of each family, with
// checkpoints and without, on grids that are not square, in double precision.
func TestEnginesAreEqualInFamilies(t *testing.T) {
	torchtest.Require(t)
	for folder, choices := range map[string][]bool{"tiny": {false}, "tiny-sd2": {false}, "tiny-sdxl": {false}, "tiny-sd3": {false, true}} {
		for _, checkpoint := range []bool{false, true} {
			p := load(t, fixture.Dir(folder), LoadOptions{DType: torch.Float64, Checkpoint: checkpoint})
			fixture.InScope(t, func() {
				positive := encode(t, p, scene)
				g := torch.NewGenerator(4)
				defer g.Close()
				x := g.Randn(1, int64(p.LatentChannels()), 16, 12).To(torch.Float64)
				for preset, o := range map[string]isac.Options{"typed": isac.Typed(), "paper": isac.Paper()} {
					for _, more := range choices { // of what a joint softmax has
						o.Schedule, o.RenormaliseJoint, o.AuxiliarySelf = isac.ScheduleC, more, more
						var losses, gradient [2][]float64
						for i, engine := range []isac.Engine{isac.EngineDense, isac.EngineSparse} {
							with := guided(positive, func(to *isac.Options) { *to = o; to.Engine = engine })
							s, err := guidance.Open(guidance.Config{Model: p.Conditional(positive), Noise: synthetic.Plain{}, Method: with.Method, Target: with.Target})
							if err != nil {
								t.Fatal(err)
							}
							d, report, err := s.Gradient(x, guidance.Step{Index: 1, Count: 4})
							if err != nil || report.Skipped != "" {
								t.Fatal(err, report.Skipped)
							}
							for _, l := range report.Losses {
								losses[i] = append(losses[i], l.Value)
							}
							gradient[i] = d.Float64s()
						}
						what := fmt.Sprintf("%s, %s, checkpoints %v, more %v", folder, preset, checkpoint, more)
						synthetic.Near(t, what+": losses", losses[1], losses[0], 1e-10)
						synthetic.Near(t, what+": gradient", gradient[1], gradient[0], 1e-10)
					}
				}
			})
		}
	}
}
