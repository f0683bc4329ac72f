package vae

import (
	"context"
	"errors"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

func random(seed uint64, shape ...int64) torch.Tensor {
	g := torch.NewGenerator(seed)
	defer g.Close()
	return g.Randn(shape...)
}

// A latent that fits into all tiles is decoded as a whole, but for rounding; tiles that cannot go on are refused; a context that is
// done ends it between tiles.
func TestTiledAutoencoder(t *testing.T) {
	torchtest.Require(t)
	src, json := source(t)
	m := build(t, src, json)
	fixture.InScope(t, func() {
		z := random(3, 2, 4, 8, 8)
		got, err := m.DecodeTiled(context.Background(), z, Tiles{16, 16, 4})
		if err != nil {
			t.Fatal(err)
		}
		fixture.Near(t, "decoded", got, m.Decode(z), 1e-5)
		image := m.Decode(z)
		if got, err = m.EncodeTiled(context.Background(), image, Tiles{64, 64, 16}); err != nil {
			t.Fatal(err)
		}
		fixture.Near(t, "encoded", got, must(m.Encode(image)), 1e-5)
		for _, bad := range []Tiles{{8, 8, 4}, {16, 8, 5}, {0, 0, 0}, {16, 16, -1}} {
			_, err := m.DecodeTiled(context.Background(), z, bad)
			fixture.Mentions(t, err, "expected an overlap")
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		before := torch.LiveHandles()
		if _, err := m.DecodeTiled(ctx, z, Tiles{8, 8, 2}); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if left := torch.LiveHandles() - before; left != 0 {
			t.Errorf("%d tensors are left", left)
		}
	})
}

func must(x torch.Tensor, err error) torch.Tensor {
	if err != nil {
		panic(err)
	}
	return x
}
