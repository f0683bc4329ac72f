package torch_test

import (
	"math"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
)

var shapeCases = []opCase{
	{"Reshape", func() T { return m23().Reshape(3, -1) }, []float64{1, 2, 3, 4, 5, 6}, []int64{3, 2}},
	{"Permute", func() T { return m23().Permute(1, 0) }, []float64{1, 4, 2, 5, 3, 6}, []int64{3, 2}},
	{"Transpose", func() T { return m23().Transpose(0, -1) }, []float64{1, 4, 2, 5, 3, 6}, []int64{3, 2}},
	{"Expand", func() T { return f([]float64{1, 2}, 2, 1).Expand(-1, 2) }, []float64{1, 1, 2, 2}, []int64{2, 2}},
	{"Contiguous", func() T { return m23().Transpose(0, 1).Contiguous().Reshape(6) }, []float64{1, 4, 2, 5, 3, 6}, nil},
	{"ChannelsLast", func() T {
		return f([]float64{1, 2, 3, 4, 5, 6, 7, 8}, 1, 2, 2, 2).ChannelsLast().Permute(0, 2, 3, 1).Reshape(8)
	}, []float64{1, 5, 2, 6, 3, 7, 4, 8}, nil},
	{"Unsqueeze", func() T { return vec(1, 2).Unsqueeze(-1) }, []float64{1, 2}, []int64{2, 1}},
	{"Squeeze", func() T { return f([]float64{1, 2}, 1, 2).Squeeze(0) }, []float64{1, 2}, nil},
	{"Flatten", func() T { return f([]float64{1, 2, 3, 4}, 2, 1, 2).Flatten(1, -1) }, []float64{1, 2, 3, 4}, []int64{2, 2}},
	{"Narrow", func() T { return m23().Narrow(1, 1, 2) }, []float64{2, 3, 5, 6}, []int64{2, 2}},
	{"Select", func() T { return m23().Select(0, -1) }, []float64{4, 5, 6}, nil},
	{"IndexSelect", func() T { return m23().IndexSelect(1, long(2, 0)) }, []float64{3, 1, 6, 4}, []int64{2, 2}},
	{"Gather", func() T { return m23().Gather(1, torch.FromInt64s([]int64{2, 0}, 2, 1)) }, []float64{3, 4}, []int64{2, 1}},
	{"Scatter", func() T { return vec(0, 0, 0).Scatter(0, long(2, 0), vec(5, 6)) }, []float64{6, 0, 5}, nil},
	{"ScatterAdd", func() T { return vec(1, 0).ScatterAdd(0, long(0, 0, 1), vec(5, 6, 7)) }, []float64{12, 7}, nil},
	{"IndexAdd", func() T { return m23().IndexAdd(0, long(1, 1), m23()) }, []float64{1, 2, 3, 9, 12, 15}, []int64{2, 3}},
	{"Cat", func() T { return torch.Cat([]T{vec(1), vec(2, 3)}, 0) }, []float64{1, 2, 3}, nil},
	{"Stack", func() T { return torch.Stack([]T{vec(1, 2), vec(3, 4)}, 1) }, []float64{1, 3, 2, 4}, []int64{2, 2}},
	{"Flip", func() T { return m23().Flip(0, 1) }, []float64{6, 5, 4, 3, 2, 1}, []int64{2, 3}},
	{"Roll", func() T { return vec(1, 2, 3).Roll(1, 0) }, []float64{3, 1, 2}, nil},
	{"Repeat", func() T { return vec(1, 2).Repeat(2, 2) }, []float64{1, 2, 1, 2, 1, 2, 1, 2}, []int64{2, 4}},
	{"RepeatInterleave", func() T { return vec(1, 2).RepeatInterleave(2, 0) }, []float64{1, 1, 2, 2}, nil},
	{"Nonzero", func() T { return f([]float64{0, 7, 8, 0}, 2, 2).Nonzero() }, []float64{0, 1, 1, 0}, []int64{2, 2}},
}

// first and second pick one result of an operation with two.
func first(a, _ T) T  { return a }
func second(_, b T) T { return b }

var reduceCases = []opCase{
	{"Mean", func() T { return m23().Mean([]int64{1}, false) }, []float64{2, 5}, nil},
	{"MeanAll", func() T { return m23().MeanAll() }, []float64{3.5}, []int64{}},
	{"Sum", func() T { return m23().Sum([]int64{0, 1}, true) }, []float64{21}, []int64{1, 1}},
	{"SumAll", func() T { return m23().SumAll() }, []float64{21}, []int64{}},
	{"Amax", func() T { return m23().Amax([]int64{0}, false) }, []float64{4, 5, 6}, nil},
	{"Amin", func() T { return m23().Amin([]int64{-1}, true) }, []float64{1, 4}, []int64{2, 1}},
	{"MaxAll", func() T { return m23().MaxAll() }, []float64{6}, []int64{}},
	{"MinAll", func() T { return m23().MinAll() }, []float64{1}, []int64{}},
	{"MaxDim", func() T { return first(vec(3, 9, 1).MaxDim(0, false)) }, []float64{9}, []int64{}},
	{"MaxDim (indices)", func() T { return sameType(second(m23().MaxDim(1, true)), torch.Int64) }, []float64{2, 2}, []int64{2, 1}},
	{"MinDim", func() T { return first(m23().MinDim(0, false)) }, []float64{1, 2, 3}, nil},
	{"MinDim (indices)", func() T { return second(m23().MinDim(0, false)) }, []float64{0, 0, 0}, nil},
	{"Argmax", func() T { return m23().Argmax(1, false) }, []float64{2, 2}, nil},
	{"Argmin", func() T { return m23().Argmin(0, true) }, []float64{0, 0, 0}, []int64{1, 3}},
	{"TopK", func() T { return first(vec(3, 9, 1).TopK(2, 0, true)) }, []float64{9, 3}, nil},
	{"TopK (smallest, indices)", func() T { return second(vec(3, 9, 1).TopK(2, 0, false)) }, []float64{2, 0}, nil},
	{"Sort", func() T { return first(vec(3, 9, 1).Sort(0, false)) }, []float64{1, 3, 9}, nil},
	{"Sort (stable, indices)", func() T { return second(vec(3, 9, 3).Sort(0, true)) }, []float64{1, 0, 2}, nil},
	{"NormAll", func() T { return f([]float64{3, 4, 0, 0}, 2, 2).NormAll() }, []float64{5}, []int64{}},
	{"Norm", func() T { return f([]float64{3, 4, 1, -1}, 2, 2).Norm(1, []int64{1}, false) }, []float64{7, 2}, nil},
	{"LogSumExp", func() T { return vec(0, math.Log(3)).LogSumExp([]int64{0}, true) }, []float64{math.Log(4)}, nil},
	{"Var", func() T { return vec(1, 2, 3, 4).Var([]int64{0}, true, false) }, []float64{5. / 3}, []int64{}},
	{"Var (biased)", func() T { return vec(1, 2, 3, 4).Var([]int64{0}, false, true) }, []float64{1.25}, nil},
	{"Cumsum", func() T { return m23().Cumsum(1) }, []float64{1, 3, 6, 4, 9, 15}, []int64{2, 3}},
	{"Cumprod", func() T { return m23().Cumprod(0) }, []float64{1, 2, 3, 4, 10, 18}, []int64{2, 3}},
	{"OneHot", func() T { return long(1, 0).OneHot(3) }, []float64{0, 1, 0, 1, 0, 0}, []int64{2, 3}},
}

var createCases = []opCase{
	{"To", func() T { return sameType(vec(1.7, -1.7).To(torch.Int64), torch.Int64) }, []float64{1, -1}, nil},
	{"ToDevice", func() T { return vec(1, 2).ToDevice(torch.CPU) }, []float64{1, 2}, nil},
	{"Detach", func() T { return vec(1, 2).SetRequiresGrad(true).MulScalar(2).Detach() }, []float64{2, 4}, nil},
	{"Clone", func() T {
		x := vec(1, 2)
		y := x.Clone()
		x.ZeroInPlace()
		return y
	}, []float64{1, 2}, nil},
	{"Zeros", func() T { return sameType(torch.Zeros([]int64{2}, torch.Int32, torch.CPU), torch.Int32) }, []float64{0, 0}, nil},
	{"Ones", func() T { return torch.Ones([]int64{1, 2}, torch.BFloat16, torch.CPU) }, []float64{1, 1}, []int64{1, 2}},
	{"Full", func() T { return torch.Full([]int64{2}, 2.5, torch.Float64, torch.CPU) }, []float64{2.5, 2.5}, nil},
	{"Full (bool)", func() T { return sameType(torch.Full([]int64{2}, 1, torch.Bool, torch.CPU), torch.Bool) }, []float64{1, 1}, nil},
	{"Arange", func() T { return sameType(torch.Arange(1, 6, 2, torch.Int64, torch.CPU), torch.Int64) }, []float64{1, 3, 5}, nil},
	{"Linspace", func() T { return torch.Linspace(0, 1, 5, torch.Float32, torch.CPU) }, []float64{0, .25, .5, .75, 1}, nil},
	{"OnesLike", func() T { return sameType(long(4, 5).OnesLike(), torch.Int64) }, []float64{1, 1}, nil},
	{"ZerosLike", func() T { return vec(4, 5).ZerosLike() }, []float64{0, 0}, nil},
	{"CopyFrom", func() T { return vec(0, 0).CopyFrom(long(3, 4)) }, []float64{3, 4}, nil},
	{"AddInPlace", func() T { return vec(1, 2).AddInPlace(vec(3)) }, []float64{4, 5}, nil},
	{"AddInPlace (through a view)", func() T {
		x := m23()
		x.Narrow(1, 0, 1).AddInPlace(vec(10))
		return x
	}, []float64{11, 2, 3, 14, 5, 6}, []int64{2, 3}},
	{"SubInPlace", func() T { return vec(1, 2).SubInPlace(vec(3, 4)) }, []float64{-2, -2}, nil},
	{"MulInPlace", func() T { return vec(1, 2).MulInPlace(vec(3, 4)) }, []float64{3, 8}, nil},
	{"MaximumInPlace", func() T { return vec(1, 5).MaximumInPlace(vec(3, 4)) }, []float64{3, 5}, nil},
	{"MinimumInPlace", func() T { return vec(1, 5).MinimumInPlace(vec(3, 4)) }, []float64{1, 4}, nil},
	{"AddInPlaceScalar", func() T { return vec(1, 2).AddInPlaceScalar(-1) }, []float64{0, 1}, nil},
	{"MulInPlaceScalar", func() T { return vec(1, 2).MulInPlaceScalar(3) }, []float64{3, 6}, nil},
	{"ZeroInPlace", func() T { return vec(1, 2).ZeroInPlace() }, []float64{0, 0}, nil},
	{"FillInPlace", func() T { return vec(1, 2).FillInPlace(7) }, []float64{7, 7}, nil},
}

func TestShape(t *testing.T)  { runCases(t, shapeCases) }
func TestReduce(t *testing.T) { runCases(t, reduceCases) }
func TestCreate(t *testing.T) { runCases(t, createCases) }
