package torch_test

import (
	"math"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
)

var none torch.Tensor

// normal4 is (x-2.5)/σ of 1 2 3 4, with σ² = 1.25.
var normal4 = []float64{-1.5 / math.Sqrt(1.25), -0.5 / math.Sqrt(1.25), 0.5 / math.Sqrt(1.25), 1.5 / math.Sqrt(1.25)}

// gradient is [1,1,1,4] of 0 1 2 3, which every resize can be checked on by hand.
func gradient() T { return f([]float64{0, 1, 2, 3}, 1, 1, 1, 4) }

var nnCases = []opCase{
	{"Matmul", func() T { return m23().Matmul(f([]float64{1, 0, 0, 1, 1, 1}, 3, 2)) }, []float64{4, 5, 10, 11}, []int64{2, 2}},
	{"Bmm", func() T { return m23().Reshape(2, 1, 3).Bmm(m23().Reshape(2, 3, 1)) }, []float64{14, 77}, []int64{2, 1, 1}},
	{"Baddbmm", func() T {
		return f([]float64{1, 1}, 2, 1, 1).Baddbmm(m23().Reshape(2, 1, 3), m23().Reshape(2, 3, 1), 10, 0.5)
	}, []float64{17, 48.5}, []int64{2, 1, 1}},
	{"Einsum", func() T { return torch.Einsum("ij,kj->ik", m23(), m23()) }, []float64{14, 32, 32, 77}, []int64{2, 2}},
	{"Linear", func() T { return torch.Linear(vec(1, 2, 3), m23(), vec(10, 20)) }, []float64{24, 52}, nil},
	{"Linear (no bias)", func() T { return torch.Linear(vec(1, 2, 3), m23(), none) }, []float64{14, 32}, nil},
	{"Conv2d", func() T {
		return torch.Conv2d(image(), f([]float64{1, 0, 0, 2}, 1, 1, 2, 2), vec(0.5), []int64{1, 1}, []int64{0, 0}, []int64{1, 1}, 1)
	}, []float64{9.5}, []int64{1, 1, 1, 1}},
	{"Conv2d (padding, stride, no bias)", func() T {
		return torch.Conv2d(image(), f([]float64{1, 1, 1, 1, 1, 1, 1, 1, 1}, 1, 1, 3, 3), none, []int64{2, 2}, []int64{1, 1}, []int64{1, 1}, 1)
	}, []float64{10}, []int64{1, 1, 1, 1}},
	{"Conv2d (groups)", func() T {
		x := f([]float64{1, 2}, 1, 2, 1, 1)
		return torch.Conv2d(x, f([]float64{3, 4}, 2, 1, 1, 1), none, []int64{1, 1}, []int64{0, 0}, []int64{1, 1}, 2)
	}, []float64{3, 8}, []int64{1, 2, 1, 1}},
	{"ConvTranspose2d", func() T {
		return torch.ConvTranspose2d(f([]float64{1, 2}, 1, 1, 1, 2), f([]float64{1, 10}, 1, 1, 1, 2), none, []int64{1, 2}, []int64{0, 0}, []int64{0, 0}, 1)
	}, []float64{1, 10, 2, 20}, []int64{1, 1, 1, 4}},
	{"GroupNorm", func() T {
		return torch.GroupNorm(f([]float64{1, 2, 3, 4}, 1, 2, 1, 2), 1, vec(1, 2), vec(0, 1), 0)
	}, []float64{normal4[0], normal4[1], 2*normal4[2] + 1, 2*normal4[3] + 1}, []int64{1, 2, 1, 2}},
	{"GroupNormSilu", func() T { // silu(1) and silu(-1) of what is normed to ±1
		return torch.GroupNormSilu(f([]float64{1, 3, 7, 5}, 1, 2, 1, 2), 2, none, none, 0)
	}, []float64{-1 / (1 + math.E), math.E / (1 + math.E), math.E / (1 + math.E), -1 / (1 + math.E)}, []int64{1, 2, 1, 2}},
	{"LayerNorm", func() T { return torch.LayerNorm(vec(1, 2, 3, 4), []int64{4}, none, none, 0) }, normal4, nil},
	{"RMSNorm", func() T { return torch.RMSNorm(vec(3, 4), vec(1, 2), 0) }, []float64{3 / math.Sqrt(12.5), 8 / math.Sqrt(12.5)}, nil},
	{"RMSNorm (float16 does not overflow)", func() T {
		return torch.RMSNorm(vec(3000, 4000).To(torch.Float16), none, 0).To(torch.Float32).MulScalar(100).Round().DivScalar(100)
	}, []float64{0.85, 1.13}, nil},
	{"Embedding", func() T { return torch.Embedding(m23(), long(1, 0, 1)) }, []float64{4, 5, 6, 1, 2, 3, 4, 5, 6}, []int64{3, 3}},
	{"SDPA", func() T {
		q, k := f([]float64{1, 0}, 1, 1, 1, 2), f([]float64{0, 0, math.Log(3) * math.Sqrt2, 0}, 1, 1, 2, 2)
		return torch.SDPA(q, k, f([]float64{10, 20}, 1, 1, 2, 1), none, false, 0)
	}, []float64{17.5}, []int64{1, 1, 1, 1}},
	{"SDPA (scale)", func() T {
		q, k := f([]float64{1, 0}, 1, 1, 1, 2), f([]float64{0, 0, math.Log(3), 0}, 1, 1, 2, 2)
		return torch.SDPA(q, k, f([]float64{10, 20}, 1, 1, 2, 1), none, false, 1)
	}, []float64{17.5}, []int64{1, 1, 1, 1}},
	{"AttentionColumns", func() T {
		q, k := f([]float64{1, 0}, 1, 1, 1, 2), f([]float64{0, 0, math.Log(3), 0}, 1, 1, 2, 2)
		mean, columns := torch.AttentionColumns(q, k, 1, 1, 1)
		return torch.Cat([]T{mean, columns}, 2)
	}, []float64{0.25, 0.75, 0.75}, []int64{1, 1, 3}},
	{"AttentionColumnsGrad", func() T { return torch.AttentionColumnsGrad(qk(), qk(), 1, 0, 2) }, []float64{0, 0, 0, 0}, []int64{1, 2, 2}},
	{"SDPA (bool mask)", func() T {
		return torch.SDPA(qk(), qk(), f([]float64{1, 2}, 1, 1, 2, 1), mask(0, 1, 1, 0).Reshape(2, 2), false, 0)
	}, []float64{2, 1}, []int64{1, 1, 2, 1}},
	{"SDPA (added mask)", func() T {
		return torch.SDPA(qk(), qk(), f([]float64{1, 2}, 1, 1, 2, 1), f([]float64{0, math.Log(3), 0, 0}, 2, 2), false, 0)
	}, []float64{1.75, 1.5}, []int64{1, 1, 2, 1}},
	{"SDPA (causal)", func() T {
		return torch.SDPA(qk(), qk(), f([]float64{1, 2}, 1, 1, 2, 1), none, true, 0)
	}, []float64{1, 1.5}, []int64{1, 1, 2, 1}},
	{"UpsampleNearest2d", func() T { return torch.UpsampleNearest2d(image(), 2, 4) }, []float64{1, 1, 2, 2, 3, 3, 4, 4}, []int64{1, 1, 2, 4}},
	{"UpsampleBilinear2d", func() T { return torch.UpsampleBilinear2d(gradient(), 1, 8, false) }, []float64{0, .25, .75, 1.25, 1.75, 2.25, 2.75, 3}, []int64{1, 1, 1, 8}},
	{"UpsampleBilinear2d (corners)", func() T { return torch.UpsampleBilinear2d(gradient(), 1, 7, true) }, []float64{0, .5, 1, 1.5, 2, 2.5, 3}, []int64{1, 1, 1, 7}},
	{"UpsampleBicubic2d", func() T { return torch.UpsampleBicubic2d(gradient(), 1, 7, true) }, []float64{0, .40625, 1, 1.5, 2, 2.59375, 3}, []int64{1, 1, 1, 7}},
	{"AvgPool2d", func() T { return torch.AvgPool2d(image(), []int64{2, 2}, []int64{2, 2}) }, []float64{2.5}, []int64{1, 1, 1, 1}},
	{"MaxPool2d", func() T { return torch.MaxPool2d(image(), []int64{1, 2}, []int64{1, 1}) }, []float64{2, 4}, []int64{1, 1, 2, 1}},
	{"AdaptiveAvgPool2d", func() T { return torch.AdaptiveAvgPool2d(image(), 2, 1) }, []float64{1.5, 3.5}, []int64{1, 1, 2, 1}},
	{"Pad", func() T { return torch.Pad(vec(1, 2), []int64{1, 2}, "constant", 9) }, []float64{9, 1, 2, 9, 9}, nil},
	{"Pad (reflect)", func() T { return torch.Pad(gradient(), []int64{2, 1, 0, 0}, "reflect", 0) }, []float64{2, 1, 0, 1, 2, 3, 2}, []int64{1, 1, 1, 7}},
	{"Pad (replicate)", func() T { return torch.Pad(gradient(), []int64{1, 1, 0, 0}, "replicate", 0) }, []float64{0, 0, 1, 2, 3, 3}, []int64{1, 1, 1, 6}},
	{"Cdist", func() T {
		return torch.Cdist(f([]float64{0, 0}, 1, 2), f([]float64{3, 4, 1, 0}, 2, 2), 2)
	}, []float64{5, 1}, []int64{1, 2}},
	{"Eigh", func() T { // [[2 1] [1 2]] has 1 along (1, −1) and 3 along (1, 1); a vector's sign is free
		values, vectors := f([]float64{2, 1, 1, 2}, 2, 2).Eigh()
		return torch.Cat([]T{values, vectors.Square().Reshape(4), vectors.Select(0, 0).Mul(vectors.Select(0, 1))}, 0)
	}, []float64{1, 3, 0.5, 0.5, 0.5, 0.5, -0.5, 0.5}, nil},
}

// qk has queries and keys that say nothing: all scores are 0.
func qk() T { return f([]float64{0, 0, 0, 0}, 1, 1, 2, 2) }

func TestNN(t *testing.T) { runCases(t, nnCases) }
