package synthetic

import (
	"math/rand/v2"
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/torch"
)

// Random is a model of random grids, heads and layouts of keys, as any family may have it.
type Random struct {
	Layers
	// Tokens is the number of text tokens.
	Tokens int
	// Joint tells that image and text keys share a softmax, as in MMDiT; otherwise a layer has one kind, as in a UNet.
	Joint bool
}

// NewRandom makes one, closed with the test. Its latents have 3 channels.
func NewRandom(t testing.TB, seed uint64) Random {
	r := rand.New(rand.NewPCG(seed, 5))
	m := Random{Tokens: 5 + r.IntN(6), Joint: r.IntN(3) == 0}
	weights := func(scale float64, shape ...int64) torch.Tensor {
		n := int64(1)
		for _, s := range shape {
			n *= s
		}
		return put(Normal(r, n, scale), shape...)
	}
	top := attention.Grid{Height: 3 + r.IntN(6), Width: 3 + r.IntN(6)}
	masked := r.IntN(3) == 0
	for i := range 1 + r.IntN(3) {
		g := top
		if i > 0 && !m.Joint { // any coarser grid, not only halves
			g = attention.Grid{Height: 1 + r.IntN(top.Height), Width: 1 + r.IntN(top.Width)}
		}
		heads, d := int64(1+r.IntN(3)), int64(2+r.IntN(4))
		var mask []bool
		if masked {
			for range m.Tokens {
				mask = append(mask, r.IntN(4) > 0)
			}
			mask[0] = true
		}
		own := func(kind attention.Kind) layer {
			return layer{kind: kind, grid: g, heads: heads, d: d, q: weights(1.5, 3, heads*d)}
		}
		image := own(attention.Image)
		image.k = weights(1.5, 3, heads*d)
		if m.Joint {
			image.text, image.mask = weights(1.5, heads, int64(m.Tokens), d), mask
			m.Layers = append(m.Layers, image)
			if r.IntN(2) == 0 {
				more := own(attention.Image)
				more.k, more.auxiliary = weights(1.5, 3, heads*d), true
				m.Layers = append(m.Layers, more)
			}
			continue
		}
		text := own(attention.Text)
		text.k, text.mask = weights(1.5, heads, int64(m.Tokens), d), mask
		m.Layers = append(m.Layers, image, text)
	}
	t.Cleanup(m.close)
	return m
}
