package torch_test

import (
	"fmt"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestGroupNormSiluIsItsParts holds values and gradient of the one operation to those of the two, in the order of channels that there is, with scale and
// shift and without, and where these take a gradient too.
func TestGroupNormSiluIsItsParts(t *testing.T) {
	torchtest.Require(t)
	for _, c := range []struct {
		dtype          torch.DType
		last, bare, of bool
	}{
		{torch.Float64, false, false, false}, {torch.Float64, true, false, false}, {torch.Float64, false, true, false}, {torch.Float64, false, false, true},
		{torch.Float32, false, false, false}, {torch.Float32, true, true, false},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			scoped(t, func() {
				g := torch.NewGenerator(3)
				defer g.Close()
				values, w, b, mix := g.Randn(2, 8, 5, 3).To(c.dtype), g.Randn(8).To(c.dtype), g.Randn(8).To(c.dtype), g.Randn(2, 8, 5, 3).To(c.dtype)
				if c.last {
					values = values.ChannelsLast()
				}
				if c.bare {
					w, b = none, none
				}
				run := func(fn func(x, w T) T) (y, dx, dw []float64) {
					x, w := values.Detach().Clone().SetRequiresGrad(true), w
					inputs := []T{x}
					if c.of {
						w = w.Detach().Clone().SetRequiresGrad(true)
						inputs = append(inputs, w)
					}
					out := fn(x, w)
					grads := torch.Grad(out.Mul(mix).SumAll(), inputs...)
					if c.of {
						dw = grads[1].Float64s()
					}
					if out.RequiresGrad() != true {
						t.Error("what comes out has no gradient")
					}
					return out.Detach().To(torch.Float64).Float64s(), grads[0].To(torch.Float64).Float64s(), dw
				}
				y, dx, dw := run(func(x, w T) T { return torch.GroupNormSilu(x, 4, w, b, 1e-5) })
				want, dwant, dwwant := run(func(x, w T) T { return torch.GroupNorm(x, 4, w, b, 1e-5).Silu() })
				close64(t, y, want)
				close64(t, dx, dwant)
				close64(t, dw, dwwant)
				torch.NoGrad(func() { close64(t, torch.GroupNormSilu(values, 4, w, b, 1e-5).To(torch.Float64).Float64s(), want) })
			})
		})
	}
	scoped(t, func() { // of no image
		x := torch.Zeros([]int64{0, 8, 5, 3}, torch.Float32, torch.CPU).SetRequiresGrad(true)
		if y := torch.GroupNormSilu(x, 4, none, none, 1e-5); torch.Grad(y.SumAll(), x)[0].Numel() != 0 {
			t.Error("no image has a gradient")
		}
	})
	scoped(t, func() {
		if err := torch.Try(func() error { torch.GroupNormSilu(vec(1, 2, 3), 4, none, none, 1e-5); return nil }); err == nil {
			t.Error("a vector is normed in groups of channels")
		}
	})
}

// TestConvolutionOfTrainedWeights holds that weights which take a gradient have it, as where only what comes in has one.
func TestConvolutionOfTrainedWeights(t *testing.T) {
	torchtest.Require(t)
	scoped(t, func() {
		g := torch.NewGenerator(5)
		defer g.Close()
		values, weights := g.Randn(2, 4, 6, 5).To(torch.Float64), g.Randn(6, 2, 3, 3).To(torch.Float64)
		run := func(trained bool, groups int64) (dx, dw []float64) {
			x, w := values.Detach().Clone().SetRequiresGrad(true), weights.Detach().Clone()
			inputs := []T{x}
			if trained {
				inputs = append(inputs, w.SetRequiresGrad(true))
			}
			grads := torch.Grad(torch.Conv2d(x, w, none, []int64{2, 1}, []int64{1, 0}, []int64{1, 2}, groups).Square().SumAll(), inputs...)
			if trained {
				dw = grads[1].Float64s()
			}
			return grads[0].Float64s(), dw
		}
		frozen, _ := run(false, 2)
		both, dw := run(true, 2)
		close64(t, frozen, both)
		if len(dw) != 6*2*3*3 {
			t.Errorf("%d elements of the weights' gradient", len(dw))
		}
	})
}

// TestWhatAGradientKeeps holds that a norm with silu and a convolution keep what comes into the first alone.
func TestWhatAGradientKeeps(t *testing.T) {
	torchtest.Require(t)
	const bytes = 4 * 64 * 64 * 64
	for order, last := range map[string]bool{"channel by channel": false, "pixel by pixel": true} {
		for name, weights := range map[string][]int64{"libtorch's convolution": {64, 64, 3, 3}, "a pointwise one": {64, 64, 1, 1}} {
			scoped(t, func() {
				g := torch.NewGenerator(9)
				defer g.Close()
				x, w := g.Randn(1, 64, 64, 64), g.Randn(weights...)
				if last {
					x, w = x.ChannelsLast(), w.ChannelsLast()
				}
				x = x.SetRequiresGrad(true)
				before := torch.MemoryStats(torch.CPU).Tensors
				y := torch.Scoped(func() T {
					return torch.Conv2d(torch.GroupNormSilu(x, 8, none, none, 1e-5), w, none, []int64{1, 1}, []int64{weights[2] / 2, weights[2] / 2}, []int64{1, 1}, 1)
				})
				if kept := torch.MemoryStats(torch.CPU).Tensors - before; y.Numel() != 64*64*64 || kept > bytes+bytes/8 {
					t.Errorf("%s, %s: %d bytes are there of a result of %d", order, name, kept, bytes)
				}
			})
		}
	}
}
