package diffusion

import (
	"fmt"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/baseline"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestFamiliesAreGuidedTogether holds, of each family, in double precision and with checkpoints and without, that three images which are guided
// at once end where each ends alone, and that the model was asked once for all of them.
func TestFamiliesAreGuidedTogether(t *testing.T) {
	torchtest.Require(t)
	for _, c := range tinyFamilies {
		for _, checkpoint := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, checkpoints %t", c.family, checkpoint), func(t *testing.T) {
				p, f := load(t, fixture.Dir(c.folder), LoadOptions{DType: torch.Float64, Checkpoint: checkpoint}), fixture.Open(t, c.folder)
				fixture.InScope(t, func() {
					r := familyRequest(t, p, f)
					sigma := p.Noise().SigmaAt(500)
					var xs []torch.Tensor
					for i := range 3 {
						xs = append(xs, r.Noise.To(torch.Float64).Roll(int64(i), 2))
					}
					attend := baseline.Official()
					attend.Refine = false
					for _, method := range []guidance.Method{isac.Typed(), isac.Paper(), attend} {
						cost, target := &Cost{}, guided(r.Positive).Target
						model := p.Conditional(r.Positive).(conditional)
						model.cost = cost
						step := guidance.Step{Index: 0, Count: 4, Sigma: sigma}
						var sessions []*guidance.Session
						for range xs {
							s, err := guidance.Open(guidance.Config{Model: model, Noise: p.Noise(), Method: method, Target: target})
							if err != nil {
								t.Fatal(err)
							}
							sessions = append(sessions, s)
						}
						together, reports, err := guidance.GuideAll(sessions, xs, step)
						if err != nil {
							t.Fatal(err)
						}
						if cost.Evaluations != 3 || cost.Gradients != 3 || model.last.Batch != 3 {
							t.Errorf("%s: %+v, the last evaluation of %d images", method.Name(), cost, model.last.Batch)
						}
						for i, s := range sessions {
							alone, report, err := s.Guide(xs[i], step)
							if err != nil || report.Moves == 0 || !slices.Equal(report.Labels, reports[i].Labels) {
								t.Fatalf("%s, image %d: %v, %d moves, skipped %q", method.Name(), i, err, report.Moves, report.Skipped)
							}
							moved := alone.Sub(xs[i])
							synthetic.Near(t, fmt.Sprintf("%s: move of image %d", method.Name(), i), together[i].Sub(xs[i]).Float64s(), moved.Float64s(), 1e-7)
						}
					}
				})
			})
		}
	}
}
