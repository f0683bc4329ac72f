package sampling

import (
	"math"
	"strconv"

	"github.com/isac-guidance/isac/isac/torch"
)

// Path is a Brownian path W over the noise levels of a run, with values [B,C,H,W]: what Hooks.Brownian asks. It is decided by its seed alone;
// questions may come in any order, and overlap. It is the path that ComfyUI's samplers go, which take torchsde's BrownianTree: the
// same seed and levels give the same noise.
//
// W over an interval is split in the middle, again and again, down to a millionth: given the increment of the whole, that of a part is
// normal, with the part's share of it as its mean (a Brownian bridge). Each split has a seed of its own by its place in the tree.
type Path struct {
	seed      uint64
	low, high float64
	shape     []int64
	whole     float64 // the length, before low and high are rounded
}

// NewPath is a path between the lowest level above 0 of a schedule and its highest, for latents of a shape.
func NewPath(seed uint64, sigmas []float64, shape []int64) *Path {
	low, high := math.Inf(1), 0.0
	for _, s := range sigmas {
		if s > 0 {
			low, high = min(low, s), max(high, s)
		}
	}
	return &Path{seed: seed, low: rounded(low), high: rounded(high), shape: shape, whole: high - low}
}

// Noise is (W(to) − W(from))/√|from − to| for two noise levels: unit noise, float32 on the CPU. What is asked beyond the path's ends is
// that up to its ends. The levels have to differ.
func (p *Path) Noise(from, to float64) torch.Tensor {
	sign, a, b := -1.0, to, from
	if from < to {
		sign, a, b = 1, from, to
	}
	length := math.Sqrt(float64(float32(b - a)))
	return torch.Scoped(func() torch.Tensor {
		a, b := p.inside(a), p.inside(b)
		if a == b {
			return torch.FromFloat64s([]float64{0}, 1).To(torch.Float32).Expand(p.shape...).Clone()
		}
		top := node{start: p.low, end: p.high}
		w := p.randn(entropy(p.seed)).MulScalar(math.Sqrt(p.whole))
		parts := p.parts(top, w, a, b, nil)
		sum := parts[0]
		for _, part := range parts[1:] {
			sum = sum.Add(part)
		}
		return sum.MulScalar(sign).DivScalar(length)
	})
}

func (p *Path) inside(sigma float64) float64 { return rounded(min(max(sigma, p.low), p.high)) }

func (p *Path) randn(seed uint32) torch.Tensor {
	g := torch.NewGenerator(uint64(seed))
	defer g.Close()
	return g.Randn(p.shape...)
}

// node is an interval of the tree: the key-th of those at its depth.
type node struct {
	start, end float64
	key, depth uint32
}

// parts adds the increments of the largest intervals of the tree that make up [a, b] of a node, whose own increment is w.
func (p *Path) parts(n node, w torch.Tensor, a, b float64, to []torch.Tensor) []torch.Tensor {
	if a == n.start && b == n.end {
		return append(to, w)
	}
	middle := rounded(0.5 * (n.end + n.start))
	before, after, share := middle-n.start, n.end-middle, 1/(n.end-n.start)
	left := torch.Scoped(func() torch.Tensor {
		bridge := p.randn(entropy(p.seed, n.key, n.depth)).MulScalar(math.Sqrt(before * after * share))
		return w.MulScalar(before).MulScalar(share).Add(bridge)
	})
	if a < middle {
		to = p.parts(node{n.start, middle, 2 * n.key, n.depth + 1}, left, a, min(b, middle), to)
	}
	if b > middle {
		to = p.parts(node{middle, n.end, 2*n.key + 1, n.depth + 1}, w.Sub(left), max(a, middle), b, to)
	}
	return to
}

// rounded is x to six decimals.
func rounded(x float64) float64 {
	v, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'f', 6, 64), 64)
	return v
}
