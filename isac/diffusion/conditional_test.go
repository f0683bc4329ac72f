package diffusion

import (
	"context"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestTapsAlone holds, of each family, that an evaluation of which only taps are wanted gives those of a whole one, and the same gradients
// through them, with checkpoints and without, and that it stops before the prediction; the same of the first layers alone, wherever they
// end, and that the model lists its layers as it records them.
func TestTapsAlone(t *testing.T) {
	torchtest.Require(t)
	for _, folder := range []string{"tiny", "tiny-sd2", "tiny-sdxl", "tiny-sd3"} {
		for _, checkpoint := range []bool{false, true} {
			p := load(t, fixture.Dir(folder), LoadOptions{Checkpoint: checkpoint})
			fixture.InScope(t, func() {
				positive := encode(t, p, scene)
				const side = 13 // which no level halves evenly
				g := torch.NewGenerator(3)
				defer g.Close()
				noise := g.Randn(1, int64(p.LatentChannels()), side, side)
				text, vector, err := p.place(positive, side*p.Factor(), side*p.Factor())
				if err != nil {
					t.Fatal(err)
				}
				evaluate := func(only bool, layers int) (out torch.Tensor, taps []attention.Tap, gradient []float64) {
					torch.WithGrad(func() {
						x, r := noise.Clone().SetRequiresGrad(true), &attention.Recorder{Only: only, Layers: layers}
						out = must(p.model.Denoiser.ForwardContext(context.Background(), x, 500, text, vector, r))
						taps = r.Taps()
						sum := torch.Scalar(0)
						for i, tap := range taps {
							sum = sum.Add(tap.Q.Mul(tap.Q).SumAll().MulScalar(float64(i + 1))).Add(tap.K.Mul(tap.K).SumAll())
						}
						gradient = torch.Grad(sum, x)[0].Float64s()
					})
					return out, taps, gradient
				}
				listed := p.model.Denoiser.Layers(side, side, int(text.Size(1)))
				whole, _, _ := evaluate(false, 0)
				for n := range len(listed) {
					part, want, wantGradient := evaluate(false, n)
					none, got, gradient := evaluate(true, n)
					if !slices.Equal(part.Float32s(), whole.Float32s()) || none.Defined() {
						t.Errorf("%s: a whole evaluation gives %v, with %d layers %v, one for them alone %v", folder, whole, n, part, none)
					}
					if part.RequiresGrad() != (n == 0) {
						t.Errorf("%s: with %d layers the prediction has a gradient: %v", folder, n, part.RequiresGrad())
					}
					if n == 0 {
						n = len(listed)
					}
					if len(got) != n || len(want) != n || !slices.Equal(gradient, wantGradient) {
						t.Errorf("%s, checkpoints %v: %d and %d taps, want %d; the gradients are equal: %v", folder, checkpoint, len(got), len(want), n, slices.Equal(gradient, wantGradient))
					}
					for i := range got {
						if got[i].Name != want[i].Name || !slices.Equal(got[i].Q.Float32s(), want[i].Q.Float32s()) || !slices.Equal(got[i].K.Float32s(), want[i].K.Float32s()) {
							t.Errorf("%s: tap %s differs from %s", folder, got[i].Name, want[i].Name)
						}
						if l := listed[i]; l.Name != got[i].Name || l.Grid() != got[i].Grid() || !slices.Equal(l.Keys, got[i].Keys) || l.Auxiliary != got[i].Auxiliary {
							t.Errorf("%s: layer %d is listed as %+v", folder, i, l)
						}
					}
				}
			})
		}
	}
}
