package torch_test

import (
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// leaf makes a float64 tensor that gradients flow to.
func leaf(values []float64, shape ...int64) T {
	return torch.FromFloat64s(values, shape...).SetRequiresGrad(true)
}

// random makes reproducible float64 values.
func random(seed uint64, shape ...int64) T {
	g := torch.NewGenerator(seed)
	defer g.Close()
	return torch.Scoped(func() T { return g.Randn(shape...).To(torch.Float64) })
}

func TestGradByHand(t *testing.T) {
	torchtest.Require(t)
	scoped(t, func() {
		x, y := leaf([]float64{1, 2, 3}), leaf([]float64{4, 5, 6})
		g := torch.Grad(x.Square().Mul(y).SumAll(), x, y)
		near(t, g[0].Float64s(), []float64{8, 20, 36}, 1e-12)
		near(t, g[1].Float64s(), []float64{1, 4, 9}, 1e-12)
	})
}

func TestVJP(t *testing.T) {
	torchtest.Require(t)
	scoped(t, func() {
		x := leaf([]float64{1, 2, 3})
		y := x.Square()
		for range 2 { // the graph is retained
			g := torch.VJP([]T{y}, []T{torch.FromFloat64s([]float64{1, 10, 100})}, []T{x}, true)
			near(t, g[0].Float64s(), []float64{2, 40, 600}, 1e-12)
		}
	})
}

// TestGradAgainstDifferences runs a chain of many operations in float64.
func TestGradAgainstDifferences(t *testing.T) {
	torchtest.Require(t)
	w, b, mix := random(2, 3, 4), random(3, 3), random(9, 2, 3, 2, 2)
	for _, x := range []T{w, b, mix} {
		defer x.Close()
	}
	loss := func(x T) T {
		h := torch.Linear(x, w, b).Silu() // [2,4] -> [2,3]
		h = torch.LayerNorm(h, []int64{3}, none, none, 1e-5).Gelu("tanh")
		img := h.Reshape(2, 3, 1, 1).Expand(2, 3, 2, 2).Mul(mix)
		img = torch.GroupNorm(img, 3, none, none, 1e-5)
		img = torch.UpsampleBilinear2d(img, 4, 4, false)
		img = torch.Conv2d(img, mix.Narrow(0, 0, 1), none, []int64{1, 1}, []int64{0, 0}, []int64{1, 1}, 1)
		p := img.Flatten(1, -1).Softmax(-1)
		return p.Mul(p.Log()).SumAll().Add(torch.RMSNorm(h, none, 1e-6).Exp().MeanAll())
	}
	compareWithDifferences(t, loss, []float64{0.3, -1.2, 0.7, 2, -0.4, 0.1, 1.5, -0.9}, 2, 4)
}

// compareWithDifferences holds Grad of loss at values against central differences.
func compareWithDifferences(t *testing.T, loss func(T) T, values []float64, shape ...int64) {
	t.Helper()
	var got, want []float64
	scoped(t, func() {
		x := leaf(values, shape...)
		got = torch.Grad(loss(x), x)[0].Float64s()
	})
	const h = 1e-5
	for i := range values {
		at := func(d float64) (v float64) {
			moved := append([]float64(nil), values...)
			moved[i] += d
			scoped(t, func() { v = loss(torch.FromFloat64s(moved, shape...)).Item() })
			return v
		}
		want = append(want, (at(h)-at(-h))/(2*h))
	}
	near(t, got, want, 1e-7)
}

func TestGradErrors(t *testing.T) {
	torchtest.Require(t)
	for _, c := range []struct {
		name, text string
		run        func()
	}{
		{"a loss without a graph", "the loss does not depend on any tensor that requires a gradient", func() { torch.Grad(zeros(1), leaf([]float64{1})) }},
		{"a loss under NoGrad", "was it made under NoGrad", func() {
			x := leaf([]float64{1})
			var loss T
			torch.NoGrad(func() { loss = x.Square() })
			torch.Grad(loss, x)
		}},
		{"a vector", "the loss must be a scalar, it has 2 elements", func() {
			x := leaf([]float64{1, 2})
			torch.Grad(x.Square(), x)
		}},
		{"an input that does not require one", "input 1 does not require a gradient", func() {
			x := leaf([]float64{1})
			torch.Grad(x.Square(), x, zeros(1))
		}},
		{"an unreachable input", "the loss does not depend on input 1", func() {
			x, y := leaf([]float64{1}), leaf([]float64{1})
			torch.Grad(x.Square(), x, y)
		}},
		{"nothing to differentiate by", "1 outputs and 0 inputs", func() { torch.Grad(leaf([]float64{1})) }},
		{"too few cotangents", "0 cotangents for 1 outputs", func() {
			x := leaf([]float64{1})
			torch.VJP([]T{x.Square()}, []T{}, []T{x}, false)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := torch.InScope(func() error { c.run(); return nil })
			if err == nil || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want %q", err, c.text)
			}
		})
	}
	err := torch.InScope(func() error {
		x := leaf([]float64{1})
		loss := x.Square()
		torch.Grad(loss, x)
		torch.Grad(loss, x) // the graph is gone
		return nil
	})
	wantError(t, err, torch.KindTorch)
}

func TestGradMode(t *testing.T) {
	torchtest.Require(t)
	scoped(t, func() {
		x := leaf([]float64{1})
		torch.NoGrad(func() {
			if torch.GradEnabled() || x.Square().RequiresGrad() {
				t.Error("NoGrad records")
			}
			torch.WithGrad(func() {
				if !torch.GradEnabled() || !x.Square().RequiresGrad() {
					t.Error("WithGrad does not record")
				}
			})
			if torch.GradEnabled() {
				t.Error("WithGrad did not restore")
			}
		})
		err := torch.Try(func() error {
			torch.NoGrad(func() { zeros(2).Matmul(zeros(3)) })
			return nil
		})
		if err == nil || !torch.GradEnabled() {
			t.Errorf("NoGrad did not restore after a panic (%v)", err)
		}
		if x.SetRequiresGrad(false).RequiresGrad() {
			t.Error("SetRequiresGrad(false)")
		}
	})
}
