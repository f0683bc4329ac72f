package torch_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestConvolutionOfFewPixels holds the ways in which a convolution is computed against float64, of values and of the gradient: many
// channels of few pixels, where libtorch's own is slow, and what lies about that.
func TestConvolutionOfFewPixels(t *testing.T) {
	torchtest.Require(t)
	for _, c := range []struct {
		batch, in, out, h, w, kernel, stride, padding int64
		bias                                          bool
	}{
		{1, 384, 512, 4, 4, 3, 1, 1, true},
		{1, 384, 512, 7, 5, 3, 1, 1, false},
		{2, 512, 384, 8, 8, 3, 2, 1, true},
		{2, 512, 384, 6, 9, 3, 2, 0, false},
		{3, 300, 400, 3, 3, 3, 1, 0, true}, // one pixel each
		{1, 512, 256, 16, 16, 3, 1, 1, true},
		{1, 1100, 1000, 4, 4, 1, 1, 0, true},
		{1, 256, 128, 3, 40, 6, 1, 3, true},
		{0, 384, 512, 4, 4, 3, 1, 1, true},
	} {
		t.Run(fmt.Sprintf("%d×%d×%d×%d to %d, %d by %d", c.batch, c.in, c.h, c.w, c.out, c.kernel, c.stride), func(t *testing.T) {
			scoped(t, func() {
				g := torch.NewGenerator(7)
				defer g.Close()
				x, w, b := g.Randn(c.batch, c.in, c.h, c.w), g.Randn(c.out, c.in, c.kernel, c.kernel), torch.Tensor{}
				if c.bias {
					b = g.Randn(c.out)
				}
				run := func(dt torch.DType) (y, dx []float64) {
					leaf := x.To(dt).Detach().SetRequiresGrad(true)
					bias := b
					if c.bias {
						bias = b.To(dt)
					}
					out := torch.Conv2d(leaf, w.To(dt), bias, []int64{c.stride, c.stride}, []int64{c.padding, c.padding}, []int64{1, 1}, 1)
					return out.To(torch.Float64).Float64s(), torch.Grad(out.Square().SumAll(), leaf)[0].To(torch.Float64).Float64s()
				}
				y, dx := run(torch.Float32)
				want, dwant := run(torch.Float64)
				close64(t, y, want)
				close64(t, dx, dwant)
			})
		})
	}
}

// close64 holds values to 1e-5 of the largest.
func close64(t *testing.T, got, want []float64) {
	t.Helper()
	var most float64
	for _, v := range want {
		most = max(most, v, -v)
	}
	near(t, got, want, 1e-5*most)
}

func TestConvolutionOfOtherChannels(t *testing.T) {
	torchtest.Require(t)
	scoped(t, func() {
		err := torch.Try(func() error {
			x, w := torch.Ones([]int64{1, 500, 4, 4}, torch.Float32, torch.CPU), torch.Ones([]int64{512, 384, 3, 3}, torch.Float32, torch.CPU)
			torch.Conv2d(x, w, none, []int64{1, 1}, []int64{1, 1}, []int64{1, 1}, 1)
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), "384") || !strings.Contains(err.Error(), "500") {
			t.Errorf("a convolution of 500 channels by weights for 384: %v", err)
		}
	})
}
