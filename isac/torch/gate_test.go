package torch_test

import (
	"fmt"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// naiveGEGLU is GEGLU spelled out.
func naiveGEGLU(x T) T {
	half := x.Size(-1) / 2
	return x.Narrow(-1, 0, half).Mul(x.Narrow(-1, half, half).Gelu("none"))
}

// TestGEGLU holds values and gradients equal to those of its parts, also of a tensor whose last dimension does not lie together, of one longer
// than vectors are, and for a gradient that is one number spread out.
func TestGEGLU(t *testing.T) {
	torchtest.Require(t)
	for _, shape := range [][]int64{{2}, {4, 10}, {2, 8, 6}, {1, 33, 134}, {0, 4}} {
		for _, turned := range []bool{false, true} {
			t.Run(fmt.Sprint(shape, turned), func(t *testing.T) {
				scoped(t, func() {
					leaf := random(1, shape...).MulScalar(3).SetRequiresGrad(true)
					x := leaf
					if turned {
						if len(shape) < 2 || shape[len(shape)-2]%2 != 0 {
							t.Skip("no halves")
						}
						x = leaf.Transpose(-1, -2)
					}
					got, want := torch.GEGLU(x), naiveGEGLU(x)
					near(t, got.Float64s(), want.Float64s(), 1e-12)
					torch.NoGrad(func() { near(t, torch.GEGLU(x).Float64s(), want.Float64s(), 1e-12) })
					w := random(2, want.Shape()...)
					near(t, torch.Grad(got.Mul(w).SumAll(), leaf)[0].Float64s(), torch.Grad(want.Mul(w).SumAll(), leaf)[0].Float64s(), 1e-12)
					near(t, torch.Grad(torch.GEGLU(x).SumAll(), leaf)[0].Float64s(), torch.Grad(naiveGEGLU(x).SumAll(), leaf)[0].Float64s(), 1e-12)
				})
			})
		}
	}
}

// TestGEGLUTypes holds that every floating type keeps its type, and is as near as its numbers lie.
func TestGEGLUTypes(t *testing.T) {
	torchtest.Require(t)
	for dtype, tolerance := range map[torch.DType]float64{torch.Float32: 1e-5, torch.BFloat16: 0.1} {
		scoped(t, func() {
			wide := random(1, 4, 66)
			x := wide.To(dtype).SetRequiresGrad(true)
			exact := x.Detach().To(torch.Float64).SetRequiresGrad(true)
			got, want := sameType(torch.GEGLU(x), dtype), naiveGEGLU(exact)
			near(t, got.To(torch.Float64).Float64s(), want.Float64s(), tolerance)
			grad := sameType(torch.Grad(got.SumAll(), x)[0], dtype)
			near(t, grad.To(torch.Float64).Float64s(), torch.Grad(want.SumAll(), exact)[0].Float64s(), tolerance)
		})
	}
}

func TestGEGLUErrors(t *testing.T) {
	torchtest.Require(t)
	wantError(t, torch.InScope(func() error {
		torch.GEGLU(zeros(2, 3))
		return nil
	}), torch.KindTorch)
}
