package guidance_test

import (
	"math"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
)

// TestFloat16GuidesAlike holds that gradients through float16 layers are those of float32 ones for losses of every size, with scales that
// are chosen and with given ones that are far too large or too small.
func TestFloat16GuidesAlike(t *testing.T) {
	layers := synthetic.NewLayers(t, 6)
	half := synthetic.ModelFunc(func(x torch.Tensor, timestep float64) []attention.Tap {
		taps, _ := layers.Taps(x, timestep)
		for i := range taps {
			taps[i].Q, taps[i].K = taps[i].Q.To(torch.Float16), taps[i].K.To(torch.Float16)
		}
		return taps
	})
	synthetic.In(t, func() {
		x := synthetic.NewLatent(t, 6, torch.Float32)
		target := guidance.Target{Classes: []guidance.Class{{Name: "cat", Count: 2, Tokens: []int{2}}, {Name: "dog", Count: 1, Tokens: []int{5}}}}
		gradient := func(m guidance.Model, o isac.Options) torch.Tensor {
			s, err := guidance.Open(guidance.Config{Model: m, Noise: synthetic.Plain{}, Method: o, Target: target})
			if err != nil {
				t.Fatal(err)
			}
			var g torch.Tensor
			for range 2 { // the second step begins with the scale that the first one found
				var report guidance.Report
				if g, report, err = s.Gradient(x, guidance.Step{Index: 1, Count: 4}); err != nil || report.Skipped != "" {
					t.Fatalf("scale %v: %v, skipped %q, losses %v", o.LossScale, err, report.Skipped, report.Losses)
				}
			}
			return g
		}
		for name, o := range map[string]isac.Options{"typed": isac.Typed(), "paper": isac.Paper()} {
			want := gradient(layers, o)
			for _, scale := range []float64{0, 1, 4096, 1e9, 1e-9} {
				o.LossScale = scale
				got := gradient(half, o)
				if d := got.Sub(want).NormAll().Item() / want.NormAll().Item(); !(d < 0.05) || math.IsNaN(d) {
					t.Errorf("%s, scale %v: the gradient differs by %v of its norm", name, scale, d)
				}
			}
		}
	})
}
