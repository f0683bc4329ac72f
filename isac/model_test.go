package isac

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
)

// layer is one attention layer of the test model: q, and in self-attention k, are tanh(pooled latent · weight); text keys are
// constants.
type layer struct {
	kind     Kind
	grid     grid
	heads, d int64
	q, k     torch.Tensor // [C, heads·d]; k of cross-attention is [heads, L, d]
}

// layers is a small real model of taps, differentiable with respect to x.
type layers []layer

func (ls layers) Taps(x torch.Tensor, _ float64) []Tap {
	taps := make([]Tap, len(ls))
	for i, l := range ls {
		pixels := torch.AdaptiveAvgPool2d(x, l.grid.height, l.grid.width).Reshape(x.Size(1), l.grid.pixels()).Transpose(0, 1)
		split := func(w torch.Tensor) torch.Tensor {
			return pixels.Matmul(w.To(x.DType())).Tanh().Reshape(l.grid.pixels(), l.heads, l.d).Permute(1, 0, 2).Unsqueeze(0)
		}
		var k torch.Tensor
		if l.kind == SelfAttention {
			k = split(l.k)
		} else {
			k = l.k.To(x.DType()).Unsqueeze(0)
		}
		taps[i] = Tap{
			Name: "layer", Kind: l.kind, Height: int(l.grid.height), Width: int(l.grid.width),
			Q: split(l.q), K: k, Scale: 1 / math.Sqrt(float64(l.d)),
		}
	}
	return taps
}

func (ls layers) close() {
	for _, l := range ls {
		l.q.Close()
		l.k.Close()
	}
}

// modelFunc makes a model of a function.
type modelFunc func(x torch.Tensor, timestep float64) []Tap

func (f modelFunc) Taps(x torch.Tensor, timestep float64) []Tap { return f(x, timestep) }

// normal gives n standard normal numbers times scale.
func normal(r *rand.Rand, n int64, scale float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = scale * r.NormFloat64()
	}
	return out
}

// newLayers makes a model of two resolutions, 8×8 and 4×4, of 3 channels and 9 tokens, that is closed with the test.
func newLayers(t testing.TB, seed uint64) layers {
	r := rand.New(rand.NewPCG(seed, 1))
	var ls layers
	for _, g := range []grid{{8, 8}, {4, 4}} {
		for _, kind := range []Kind{SelfAttention, CrossAttention} {
			l := layer{kind: kind, grid: g, heads: 2, d: 4}
			l.q = torch.FromFloat64s(normal(r, 3*8, 1.5), 3, 8).Keep()
			if kind == SelfAttention {
				l.k = torch.FromFloat64s(normal(r, 3*8, 1.5), 3, 8).Keep()
			} else {
				l.k = torch.FromFloat64s(normal(r, 2*9*4, 1.5), 2, 9, 4).Keep()
			}
			ls = append(ls, l)
		}
	}
	t.Cleanup(ls.close)
	return ls
}

// newLatent makes a latent [1,3,8,8] of the given type that is closed with the test.
func newLatent(t testing.TB, seed uint64, dt torch.DType) torch.Tensor {
	x := torch.Scoped(func() torch.Tensor {
		return torch.FromFloat64s(normal(rand.New(rand.NewPCG(seed, 2)), 3*64, 2), 1, 3, 8, 8).To(dt).Clone()
	}).Keep()
	t.Cleanup(x.Close)
	return x
}

// difference is the largest difference of two lists, relative to the largest value of want.
func difference(got, want []float64) float64 {
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

// near fails the test where two lists differ by more than limit, relatively.
func near(t testing.TB, what string, got, want []float64, limit float64) {
	t.Helper()
	if d := difference(got, want); !(d <= limit) {
		t.Errorf("%s: relative difference %.3g, at most %.1g is allowed", what, d, limit)
	}
}
