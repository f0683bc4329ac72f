package layer

import (
	"slices"
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

// What maps each pixel for itself is the same in tiles as whole, at every size, up and down; what looks at neighbours is the same where no
// seam is near.
func TestTilesOfWhatIsLocalAreTheWhole(t *testing.T) {
	torchtest.Require(t)
	fixture.InScope(t, func() {
		for _, c := range []struct{ h, w, tile, overlap int64 }{{40, 24, 16, 4}, {17, 33, 16, 2}, {8, 100, 32, 6}, {5, 5, 16, 4}, {33, 19, 8, 0}} {
			x := random(1, 2, 3, c.h, c.w)
			up := func(x torch.Tensor) torch.Tensor {
				return torch.UpsampleNearest2d(x.MulScalar(2), 2*x.Size(2), 2*x.Size(3))
			}
			got, err := Tiles{c.tile, 2 * c.tile, c.overlap}.Blend(x, 2, 3, func(tile torch.Tensor) (torch.Tensor, error) { return up(tile), nil })
			if err != nil {
				t.Fatal(err)
			}
			fixture.Near(t, "up", got, up(x), 1e-6)
			whole := x.Narrow(2, 0, c.h/4*4).Narrow(3, 0, c.w/4*4)
			down := func(x torch.Tensor) torch.Tensor { return torch.AvgPool2d(x, []int64{4, 4}, []int64{4, 4}) }
			if c.overlap%4 == 0 {
				got, err = Tiles{c.tile, c.tile, c.overlap}.Blend(whole, 0.25, 3, func(tile torch.Tensor) (torch.Tensor, error) { return down(tile), nil })
				if err != nil {
					t.Fatal(err)
				}
				fixture.Near(t, "down", got, down(whole), 1e-6)
			}
		}
		// A convolution of 3×3 knows one pixel around: in the middle of a tile nothing is other.
		x, w := random(1, 1, 1, 24, 40), random(2, 1, 1, 3, 3)
		conv := func(x torch.Tensor) torch.Tensor {
			return torch.Conv2d(x, w, torch.Tensor{}, []int64{1, 1}, []int64{1, 1}, []int64{1, 1}, 1)
		}
		got, err := Tiles{16, 24, 8}.Blend(x, 1, 1, func(tile torch.Tensor) (torch.Tensor, error) { return conv(tile), nil })
		if err != nil {
			t.Fatal(err)
		}
		middle := func(x torch.Tensor) torch.Tensor { return x.Narrow(3, 9, 5) } // tiles are 0…16 and 8…24: both know what is around 9…14
		fixture.Near(t, "between seams", middle(got), middle(conv(x)), 1e-6)
		if d, _ := fixture.Difference(got, conv(x)); d == 0 {
			t.Error("there are no seams at all: nothing was cut")
		}
	})
}

// The tiles that are cut are those that there have to be, and no more.
func TestStartsOfTiles(t *testing.T) {
	for _, c := range []struct {
		side, tile, overlap int64
		want                []int64
	}{{64, 64, 8, []int64{0}}, {65, 64, 8, []int64{0, 56}}, {120, 64, 8, []int64{0, 56}}, {121, 64, 8, []int64{0, 56, 112}}, {9, 4, 0, []int64{0, 4, 8}}} {
		if got := starts(c.side, c.tile, c.overlap); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v", c, got)
		}
		if got := (Tiles{c.tile, 2 * c.side, c.overlap}).Count(c.side, c.side); got != len(c.want) {
			t.Errorf("%+v: %d tiles", c, got)
		}
	}
}
