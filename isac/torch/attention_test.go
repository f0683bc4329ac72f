package torch_test

import (
	"fmt"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// naiveMean is AttentionMean spelled out, every probability kept.
func naiveMean(q, k T, scale float64) T {
	return q.Matmul(k.Transpose(-2, -1)).MulScalar(scale).Softmax(-1).Mean([]int64{1}, false)
}

func TestAttentionMean(t *testing.T) {
	torchtest.Require(t)
	for _, c := range []struct{ b, h, n, m, d, chunk int64 }{
		{1, 1, 1, 1, 1, 0}, {1, 2, 6, 6, 4, 2}, {2, 3, 7, 5, 4, 3}, {1, 8, 9, 16, 8, 4}, {2, 2, 5, 9, 3, 0}, {1, 2, 6, 6, 4, 1000}, {2, 3, 300, 2000, 4, 0},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			scoped(t, func() {
				scale := 0.7
				q, k := random(1, c.b, c.h, c.n, c.d).SetRequiresGrad(true), random(2, c.b, c.h, c.m, c.d).SetRequiresGrad(true)
				w := random(3, c.b, c.n, c.m)
				want := naiveMean(q, k, scale)
				got := torch.AttentionMean(q, k, scale, int(c.chunk))
				near(t, got.Float64s(), want.Float64s(), 1e-12)
				wantGrad := torch.Grad(want.Mul(w).SumAll(), q, k)
				gotGrad := torch.Grad(got.Mul(w).SumAll(), q, k)
				for i := range gotGrad {
					near(t, gotGrad[i].Float64s(), wantGrad[i].Float64s(), 1e-12)
				}
			})
		})
	}
}

// TestAttentionColumns holds the columns' gradients equal to those of the same columns of the whole mean, and that the mean itself has none.
func TestAttentionColumns(t *testing.T) {
	torchtest.Require(t)
	for _, c := range []struct{ b, h, n, m, d, first, length int64 }{
		{1, 1, 1, 1, 1, 0, 1}, {1, 2, 6, 9, 4, 6, 3}, {2, 3, 7, 5, 4, 1, 2}, {1, 2, 5, 8, 3, 0, 8}, {1, 4, 700, 900, 2, 800, 100},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			scoped(t, func() {
				q, k := random(1, c.b, c.h, c.n, c.d).SetRequiresGrad(true), random(2, c.b, c.h, c.m, c.d).SetRequiresGrad(true)
				w := random(3, c.b, c.n, c.length)
				mean, columns := torch.AttentionColumns(q, k, 0.7, c.first, c.length)
				want := naiveMean(q, k, 0.7)
				near(t, mean.Float64s(), want.Float64s(), 1e-12)
				some := want.Narrow(2, c.first, c.length)
				near(t, columns.Float64s(), some.Contiguous().Float64s(), 1e-12)
				if mean.RequiresGrad() || !columns.RequiresGrad() {
					t.Error("the mean has a gradient, or its columns have none")
				}
				unseen := torch.AttentionColumnsGrad(q, k, 0.7, c.first, c.length)
				if unseen.NormAll().Item() != 0 {
					t.Error("values that nobody reads were made")
				}
				wanted := torch.Grad(some.Mul(w).SumAll(), q, k)
				for _, of := range []torch.Tensor{columns, unseen} {
					for i, got := range torch.Grad(of.Mul(w).SumAll(), q, k) {
						near(t, got.Float64s(), wanted[i].Float64s(), 1e-11)
					}
				}
			})
		})
	}
	scoped(t, func() {
		q := random(1, 1, 2, 4, 3).To(torch.BFloat16).SetRequiresGrad(true)
		mean, columns := torch.AttentionColumns(q, random(2, 1, 2, 5, 3).To(torch.BFloat16), 0.5, 3, 2)
		sameType(mean, torch.Float32)
		sameType(torch.AttentionColumnsGrad(q, random(2, 1, 2, 5, 3).To(torch.BFloat16), 0.5, 3, 2), torch.Float32)
		sameType(torch.Grad(sameType(columns, torch.Float32).SumAll(), q)[0], torch.BFloat16)
	})
	wantError(t, torch.InScope(func() error {
		torch.AttentionColumns(zeros(1, 2, 3, 4), zeros(1, 2, 5, 4), 1, 3, 3)
		return nil
	}), torch.KindTorch)
}

// TestAttentionMeanOneSided asks for the gradient of q alone, and runs without any.
func TestAttentionMeanOneSided(t *testing.T) {
	torchtest.Require(t)
	scoped(t, func() {
		q, k := random(1, 1, 2, 4, 3), random(2, 1, 2, 5, 3)
		plain := torch.AttentionMean(q, k, 0.5, 3)
		if plain.RequiresGrad() {
			t.Error("a map of constants requires a gradient")
		}
		q.SetRequiresGrad(true)
		got := torch.Grad(torch.AttentionMean(q, k, 0.5, 3).Square().SumAll(), q)[0]
		want := torch.Grad(naiveMean(q, k, 0.5).Square().SumAll(), q)[0]
		near(t, got.Float64s(), want.Float64s(), 1e-12)
	})
}

// TestAttentionMeanHalf takes bfloat16, as a GPU model gives, and returns float32.
func TestAttentionMeanHalf(t *testing.T) {
	torchtest.Require(t)
	scoped(t, func() {
		q := random(1, 1, 2, 8, 4).To(torch.BFloat16).SetRequiresGrad(true)
		k := random(2, 1, 2, 8, 4).To(torch.BFloat16).SetRequiresGrad(true)
		got := sameType(torch.AttentionMean(q, k, 0.5, 3), torch.Float32)
		near(t, got.Float64s(), naiveMean(q.To(torch.Float32), k.To(torch.Float32), 0.5).Float64s(), 1e-6)
		for _, g := range torch.Grad(got.Square().SumAll(), q, k) {
			sameType(g, torch.BFloat16)
		}
	})
}

func TestAttentionMeanErrors(t *testing.T) {
	torchtest.Require(t)
	for _, c := range [][2][]int64{{{1, 2, 3}, {1, 2, 3}}, {{1, 2, 3, 4}, {1, 3, 3, 4}}, {{1, 2, 3, 4}, {1, 2, 3, 5}}} {
		err := torch.InScope(func() error {
			torch.AttentionMean(zeros(c[0]...), zeros(c[1]...), 1, 0)
			return nil
		})
		wantError(t, err, torch.KindTorch)
	}
}

// TestSDPAPieces compares SDPA on a size that the old libtorch path cuts into pieces with the same computed with a gradient,
// which it does not cut.
func TestSDPAPieces(t *testing.T) {
	torchtest.Require(t)
	scoped(t, func() {
		const n = 1100 // 2 heads · 1100² scores are more than one piece
		q, k, v := random(1, 1, 2, n, 4).To(torch.Float32), random(2, 1, 2, n, 4).To(torch.Float32), random(3, 1, 2, n, 3).To(torch.Float32)
		for _, causal := range []bool{false, true} {
			want := q.Matmul(k.Transpose(-2, -1)).MulScalar(0.5)
			if causal {
				want = want.MaskedFill(torch.Ones([]int64{n, n}, torch.Bool, torch.CPU).Triu(1), -inf)
			}
			want = want.Softmax(-1).Matmul(v)
			near(t, torch.SDPA(q, k, v, none, causal, 0).Float64s(), want.Float64s(), 1e-5)
		}
	})
}

// TestSDPAGradientInPieces compares gradients on a size that the old libtorch path makes in pieces with those of the same spelled out,
// of all three together and of each alone.
func TestSDPAGradientInPieces(t *testing.T) {
	torchtest.Require(t)
	scoped(t, func() {
		const n, m = 1100, 1000 // 2 heads · 1100 · 1000 scores are more than one piece
		w := random(4, 1, 2, n, 3)
		for _, wanted := range [][]int{{0, 1, 2}, {0}, {1}, {2}} {
			in := []T{random(1, 1, 2, n, 4), random(2, 1, 2, m, 4), random(3, 1, 2, m, 3)}
			var leaves []T
			for _, i := range wanted {
				leaves = append(leaves, in[i].SetRequiresGrad(true))
			}
			got := torch.SDPA(in[0], in[1], in[2], none, false, 0.7)
			want := in[0].Matmul(in[1].Transpose(-2, -1)).MulScalar(0.7).Softmax(-1).Matmul(in[2])
			near(t, got.Float64s(), want.Float64s(), 1e-12)
			gotGrad, wantGrad := torch.Grad(got.Mul(w).SumAll(), leaves...), torch.Grad(want.Mul(w).SumAll(), leaves...)
			for i := range leaves {
				near(t, gotGrad[i].Float64s(), wantGrad[i].Float64s(), 1e-11)
			}
		}
	})
}
