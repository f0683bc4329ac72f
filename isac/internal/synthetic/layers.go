package synthetic

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// layer is one attention layer of the test model: q, and in self-attention k, are tanh(pooled latent · weight); text keys are
// constants.
type layer struct {
	kind     attention.Kind
	grid     attention.Grid
	heads, d int64
	q, k     torch.Tensor // [C, heads·d]; k of cross-attention is [heads, L, d]

	text      torch.Tensor // keys [heads, L, d] in the same softmax, behind those of the image; undefined where there are none
	auxiliary bool
	mask      []bool // of the text keys, nil where all are attended to
}

// Layers is a small real model of taps, differentiable with respect to x.
type Layers []layer

// Taps evaluates the model at x [1,C,H,W].
func (ls Layers) Taps(x torch.Tensor, _ float64) ([]attention.Tap, error) {
	taps := make([]attention.Tap, len(ls))
	for i, l := range ls {
		pixels := torch.AdaptiveAvgPool2d(x, int64(l.grid.Height), int64(l.grid.Width)).Reshape(x.Size(1), int64(l.grid.Pixels())).Transpose(0, 1)
		split := func(w torch.Tensor) torch.Tensor {
			return pixels.Matmul(w.To(x.DType())).Tanh().Reshape(int64(l.grid.Pixels()), l.heads, l.d).Permute(1, 0, 2).Unsqueeze(0)
		}
		tap := attention.Tap{Name: "layer", Height: l.grid.Height, Width: l.grid.Width, Q: split(l.q), Scale: 1 / math.Sqrt(float64(l.d))}
		if l.kind == attention.Image {
			tap.K, tap.Keys, tap.Auxiliary = split(l.k), attention.Self(l.grid.Height, l.grid.Width), l.auxiliary
			if l.text.Defined() {
				tap.K = torch.Cat([]torch.Tensor{tap.K, l.text.To(x.DType()).Unsqueeze(0)}, 2)
				tap.Keys = append(tap.Keys, attention.Cross(int(l.text.Size(1)))...)
				if l.mask != nil {
					for range l.grid.Pixels() {
						tap.Mask = append(tap.Mask, true)
					}
					tap.Mask = append(tap.Mask, l.mask...)
				}
			}
		} else {
			tap.K = l.k.To(x.DType()).Unsqueeze(0)
			tap.Keys, tap.Mask = attention.Cross(int(tap.K.Size(2))), l.mask
		}
		taps[i] = tap
	}
	return taps, nil
}

func (ls Layers) close() {
	for _, l := range ls {
		l.q.Close()
		l.k.Close()
		l.text.Close()
	}
}

// ModelFunc makes a model of a function.
type ModelFunc func(x torch.Tensor, timestep float64) []attention.Tap

// Taps calls the function.
func (f ModelFunc) Taps(x torch.Tensor, timestep float64) ([]attention.Tap, error) {
	return f(x, timestep), nil
}

// Plain is a noise in which the host's latent is the model's.
type Plain struct{}

// Timestep is always 0.
func (Plain) Timestep(float64) float64 { return 0 }

// Input is x.
func (Plain) Input(x torch.Tensor, _ float64) torch.Tensor { return x }

// Output is x.
func (Plain) Output(x torch.Tensor, _ float64) torch.Tensor { return x }

// In runs a test's body in a scope.
func In(t testing.TB, fn func()) {
	t.Helper()
	torchtest.Require(t)
	if err := torch.InScope(func() error { fn(); return nil }); err != nil {
		t.Fatal(err)
	}
}

// Normal gives n standard normal numbers times scale.
func Normal(r *rand.Rand, n int64, scale float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = scale * r.NormFloat64()
	}
	return out
}

// put makes a tensor on the tests' device that the caller closes.
func put(values []float64, shape ...int64) torch.Tensor {
	return torch.Scoped(func() torch.Tensor { return torchtest.Put(torch.FromFloat64s(values, shape...)).Clone() }).Keep()
}

// NewLayers makes a model of two resolutions, 8×8 and 4×4, of 3 channels and 9 tokens, that is closed with the test.
func NewLayers(t testing.TB, seed uint64) Layers {
	r := rand.New(rand.NewPCG(seed, 1))
	var ls Layers
	for _, g := range []attention.Grid{{Height: 8, Width: 8}, {Height: 4, Width: 4}} {
		for _, kind := range []attention.Kind{attention.Image, attention.Text} {
			l := layer{kind: kind, grid: g, heads: 2, d: 4}
			l.q = put(Normal(r, 3*8, 1.5), 3, 8)
			if kind == attention.Image {
				l.k = put(Normal(r, 3*8, 1.5), 3, 8)
			} else {
				l.k = put(Normal(r, 2*9*4, 1.5), 2, 9, 4)
			}
			ls = append(ls, l)
		}
	}
	t.Cleanup(ls.close)
	return ls
}

// NewLatent makes a latent [1,3,8,8] of the given type that is closed with the test.
func NewLatent(t testing.TB, seed uint64, dt torch.DType) torch.Tensor {
	x := torch.Scoped(func() torch.Tensor {
		return torchtest.Put(torch.FromFloat64s(Normal(rand.New(rand.NewPCG(seed, 2)), 3*64, 2), 1, 3, 8, 8).To(dt)).Clone()
	}).Keep()
	t.Cleanup(x.Close)
	return x
}

// Difference is the largest difference of two lists, relative to the largest value of want.
func Difference(got, want []float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	worst, largest := 0.0, 0.0
	for i := range want {
		d := math.Abs(got[i] - want[i])
		if math.IsNaN(d) {
			return math.NaN()
		}
		worst, largest = max(worst, d), max(largest, math.Abs(want[i]))
	}
	if worst == 0 {
		return 0
	}
	return worst / largest
}

// Near fails the test where two lists differ by more than limit, relatively.
func Near(t testing.TB, what string, got, want []float64, limit float64) {
	t.Helper()
	if d := Difference(got, want); !(d <= limit) {
		t.Errorf("%s: relative difference %.3g, at most %.1g is allowed", what, d, limit)
	}
}
