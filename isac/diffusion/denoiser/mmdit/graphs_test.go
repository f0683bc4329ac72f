package mmdit

import (
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestGraphsChangeNothing holds evaluations that are repeated equal to those that are not: predictions, taps and their gradient.
func TestGraphsChangeNothing(t *testing.T) {
	torchtest.Require(t)
	for _, c := range models {
		f, plain, graphed := fixture.Open(t, c.name), c.load(t), c.load(t)
		graphed.graphs = &attention.Graphs{}
		fixture.InScope(t, func() {
			for i, step := range []float64{1, 500, 732.25, 1000} {
				start := f.Tensor("mmdit.x").MulScalar(1 + float64(i))
				torch.NoGrad(func() {
					near(t, "prediction", forward(t, f, graphed, start, step, nil), forward(t, f, plain, start, step, nil))
				})
				gradient := func(m *Model) (gradient torch.Tensor, taps []attention.Tap) {
					torch.WithGrad(func() {
						x := start.Clone().SetRequiresGrad(true)
						r := &attention.Recorder{Only: true}
						forward(t, f, m, x, step, r)
						loss := torch.Zeros(nil, torch.Float32, torch.CPU)
						for _, tap := range r.Taps() {
							loss = loss.Add(tap.Q.Square().MeanAll()).Add(tap.K.Sin().MeanAll())
						}
						gradient, taps = torch.Grad(loss, x)[0], r.Taps()
					})
					return gradient, taps
				}
				got, gotTaps := gradient(graphed)
				want, wantTaps := gradient(plain)
				near(t, "gradient", got, want)
				if len(gotTaps) != len(wantTaps) {
					t.Fatalf("%d taps, want %d", len(gotTaps), len(wantTaps))
				}
				for j := range wantTaps {
					near(t, wantTaps[j].Name, gotTaps[j].Q, wantTaps[j].Q)
					if gotTaps[j].Name != wantTaps[j].Name || len(gotTaps[j].Keys) != len(wantTaps[j].Keys) {
						t.Errorf("tap %d is %s, want %s", j, gotTaps[j].Name, wantTaps[j].Name)
					}
				}
			}
		})
		if n := graphed.graphs.Recorded(); n != 2 || len(graphed.graphs.Errors()) > 0 {
			t.Errorf("%s: %d graphs, errors %v", c.name, n, graphed.graphs.Errors())
		}
	}
}

func near(t *testing.T, what string, got, want torch.Tensor) {
	t.Helper()
	if d := got.Sub(want).NormAll().Item() / want.NormAll().Item(); !(d < 1e-5) {
		t.Errorf("%s differs by %g of its length", what, d)
	}
}
