package torch_test

import (
	"math"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
)

type T = torch.Tensor

var arithmeticCases = []opCase{
	{"Add", func() T { return m23().Add(vec(10, 20, 30)) }, []float64{11, 22, 33, 14, 25, 36}, []int64{2, 3}},
	{"Sub", func() T { return vec(1, 2).Sub(vec(3, 5)) }, []float64{-2, -3}, nil},
	{"Mul", func() T { return m23().Mul(f([]float64{2, 3}, 2, 1)) }, []float64{2, 4, 6, 12, 15, 18}, []int64{2, 3}},
	{"Div", func() T { return vec(1, 6, 1).Div(vec(2, 3, 0)) }, []float64{0.5, 2, inf}, nil},
	{"Pow", func() T { return vec(2, 3).Pow(vec(3, 0.5)) }, []float64{8, math.Sqrt(3)}, nil},
	{"Maximum", func() T { return vec(1, 5).Maximum(vec(3, 4)) }, []float64{3, 5}, nil},
	{"Minimum", func() T { return vec(1, 5).Minimum(vec(3, 4)) }, []float64{1, 4}, nil},
	{"Lerp", func() T { return vec(0, 10).Lerp(vec(4, 20), 0.25) }, []float64{1, 12.5}, nil},
	{"AddScalar", func() T { return vec(1, 2).AddScalar(0.5) }, []float64{1.5, 2.5}, nil},
	{"AddScalar (int64 stays int64)", func() T { return sameType(long(1, 2).AddScalar(3), torch.Int64) }, []float64{4, 5}, nil},
	{"AddScalar (int64 with a fraction)", func() T { return sameType(long(1, 2).AddScalar(0.5), torch.Float32) }, []float64{1.5, 2.5}, nil},
	{"SubScalar", func() T { return vec(1, 2).SubScalar(2) }, []float64{-1, 0}, nil},
	{"MulScalar", func() T { return vec(1, 2).MulScalar(-3) }, []float64{-3, -6}, nil},
	{"MulScalar (float16 stays float16)", func() T { return sameType(vec(1, 2).To(torch.Float16).MulScalar(0.5), torch.Float16) }, []float64{0.5, 1}, nil},
	{"DivScalar", func() T { return vec(1, 2).DivScalar(4) }, []float64{0.25, 0.5}, nil},
	{"DivScalar (int64 divides truly)", func() T { return long(1, 3).DivScalar(2) }, []float64{0.5, 1.5}, nil},
	{"PowScalar", func() T { return vec(3, -2).PowScalar(2) }, []float64{9, 4}, nil},
	{"Neg", func() T { return vec(1, -2).Neg() }, []float64{-1, 2}, nil},
	{"Abs", func() T { return vec(1, -2).Abs() }, []float64{1, 2}, nil},
	{"Sign", func() T { return vec(3, -2, 0).Sign() }, []float64{1, -1, 0}, nil},
	{"Square", func() T { return vec(3, -2).Square() }, []float64{9, 4}, nil},
	{"Reciprocal", func() T { return vec(4, -2).Reciprocal() }, []float64{0.25, -0.5}, nil},
	{"Exp", func() T { return vec(0, 1).Exp() }, []float64{1, math.E}, nil},
	{"Log", func() T { return vec(1, math.E, 0).Log() }, []float64{0, 1, -inf}, nil},
	{"Sqrt", func() T { return vec(4, 2, -1).Sqrt() }, []float64{2, math.Sqrt2, nan}, nil},
	{"Rsqrt", func() T { return vec(4, 0.25).Rsqrt() }, []float64{0.5, 2}, nil},
	{"Sin", func() T { return vec(0, math.Pi/6).Sin() }, []float64{0, 0.5}, nil},
	{"Cos", func() T { return vec(0, math.Pi/3).Cos() }, []float64{1, 0.5}, nil},
	{"Round", func() T { return vec(0.5, 1.5, -1.2).Round() }, []float64{0, 2, -1}, nil},
	{"Floor", func() T { return vec(1.7, -1.2).Floor() }, []float64{1, -2}, nil},
	{"Ceil", func() T { return vec(1.2, -1.7).Ceil() }, []float64{2, -1}, nil},
	{"Erf", func() T { return vec(0, 1).Erf() }, []float64{0, math.Erf(1)}, nil},
	{"Clamp", func() T { return vec(-2, 0.5, 7).Clamp(-1, 2) }, []float64{-1, 0.5, 2}, nil},
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
func phi(x float64) float64     { return (1 + math.Erf(x/math.Sqrt2)) / 2 }
func tanhGelu(x float64) float64 {
	return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

var activationCases = []opCase{
	{"Tanh", func() T { return vec(0, 1).Tanh() }, []float64{0, math.Tanh(1)}, nil},
	{"Sigmoid", func() T { return vec(0, 2).Sigmoid() }, []float64{0.5, sigmoid(2)}, nil},
	{"Silu", func() T { return vec(0, 2, -1).Silu() }, []float64{0, 2 * sigmoid(2), -sigmoid(-1)}, nil},
	{"Relu", func() T { return vec(-1, 2).Relu() }, []float64{0, 2}, nil},
	{"LeakyRelu", func() T { return vec(-1, 2).LeakyRelu(0.1) }, []float64{-0.1, 2}, nil},
	{"Gelu", func() T { return vec(-1, 2).Gelu("none") }, []float64{-phi(-1), 2 * phi(2)}, nil},
	{"Gelu (tanh)", func() T { return vec(-1, 2).Gelu("tanh") }, []float64{tanhGelu(-1), tanhGelu(2)}, nil},
	{"GEGLU", func() T { return torch.GEGLU(f([]float64{3, 4, -1, 2}, 1, 4)) }, []float64{-3 * phi(-1), 8 * phi(2)}, []int64{1, 2}},
	{"QuickGelu", func() T { return vec(-1, 2).QuickGelu() }, []float64{-sigmoid(-1.702), 2 * sigmoid(3.404)}, nil},
	{"Softplus", func() T { return vec(0, -1).Softplus() }, []float64{math.Ln2, math.Log1p(math.Exp(-1))}, nil},
	{"Softmax", func() T { return f([]float64{0, math.Log(3), 5, 5}, 2, 2).Softmax(-1) }, []float64{0.25, 0.75, 0.5, 0.5}, []int64{2, 2}},
	{"LogSoftmax", func() T { return f([]float64{0, math.Log(3)}, 2, 1).LogSoftmax(0) }, []float64{math.Log(0.25), math.Log(0.75)}, []int64{2, 1}},
}

var compareCases = []opCase{
	{"Eq", func() T { return sameType(vec(1, 2).Eq(vec(1, 3)), torch.Bool) }, []float64{1, 0}, nil},
	{"Ne", func() T { return vec(1, 2).Ne(vec(1, 3)) }, []float64{0, 1}, nil},
	{"Gt", func() T { return vec(1, 2, 3).Gt(vec(2, 2, 2)) }, []float64{0, 0, 1}, nil},
	{"Ge", func() T { return vec(1, 2, 3).Ge(vec(2, 2, 2)) }, []float64{0, 1, 1}, nil},
	{"Lt", func() T { return vec(1, 2, 3).Lt(vec(2, 2, 2)) }, []float64{1, 0, 0}, nil},
	{"Le", func() T { return vec(1, 2, 3).Le(vec(2, 2, 2)) }, []float64{1, 1, 0}, nil},
	{"EqScalar", func() T { return vec(1, 2).EqScalar(2) }, []float64{0, 1}, nil},
	{"NeScalar", func() T { return vec(1, 2).NeScalar(2) }, []float64{1, 0}, nil},
	{"GtScalar", func() T { return vec(1, 2, 3).GtScalar(2) }, []float64{0, 0, 1}, nil},
	{"GeScalar", func() T { return vec(1, 2, 3).GeScalar(2) }, []float64{0, 1, 1}, nil},
	{"LtScalar", func() T { return vec(1, 2, 3).LtScalar(2) }, []float64{1, 0, 0}, nil},
	{"LeScalar", func() T { return vec(1, 2, 3).LeScalar(2) }, []float64{1, 1, 0}, nil},
	{"LtScalar (int64 with a fraction)", func() T { return long(2, 3).LtScalar(2.5) }, []float64{1, 0}, nil},
	{"LogicalAnd", func() T { return mask(0, 0, 1, 1).LogicalAnd(mask(0, 1, 0, 1)) }, []float64{0, 0, 0, 1}, nil},
	{"LogicalOr", func() T { return mask(0, 0, 1, 1).LogicalOr(mask(0, 1, 0, 1)) }, []float64{0, 1, 1, 1}, nil},
	{"LogicalNot", func() T { return mask(0, 1).LogicalNot() }, []float64{1, 0}, nil},
	{"IsFinite", func() T { return vec(1, inf, nan).IsFinite() }, []float64{1, 0, 0}, nil},
	{"All", func() T { return mask(1, 0).All() }, []float64{0}, []int64{}},
	{"Any", func() T { return mask(1, 0).Any() }, []float64{1}, []int64{}},
	{"Where", func() T { return torch.Where(mask(1, 0), vec(1, 2), vec(3, 4)) }, []float64{1, 4}, nil},
	{"MaskedFill", func() T { return vec(1, 2).MaskedFill(mask(0, 1), math.Inf(-1)) }, []float64{1, -inf}, nil},
	{"MaskedSelect", func() T { return vec(1, 2, 3).MaskedSelect(mask(1, 0, 1)) }, []float64{1, 3}, nil},
	{"Tril", func() T { return m23().Tril(0) }, []float64{1, 0, 0, 4, 5, 0}, []int64{2, 3}},
	{"Triu", func() T { return m23().Triu(1) }, []float64{0, 2, 3, 0, 0, 6}, []int64{2, 3}},
}

// sameType passes t on if it has the type, and panics with an error that names it otherwise.
func sameType(t T, want torch.DType) T {
	if got := t.DType(); got != want {
		panic(&torch.Error{Kind: torch.KindType, Message: "result is " + got.String() + ", want " + want.String()})
	}
	return t
}

func TestArithmetic(t *testing.T) { runCases(t, arithmeticCases) }
func TestActivation(t *testing.T) { runCases(t, activationCases) }
func TestCompare(t *testing.T)    { runCases(t, compareCases) }
