package diffusion

import (
	"math"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/torch"
)

// How far tiles are from the whole, of a picture that the mini model would make: each image of a batch by itself, and everywhere, for
// group norms and attention see less.
func TestTilesAreNearTheWhole(t *testing.T) {
	p, _ := loadMini(t)
	fixture.InScope(t, func() {
		g := torch.NewGenerator(4)
		defer g.Close()
		colours := torch.UpsampleBicubic2d(g.Randn(2, 3, 6, 9), 128, 192, false).MulScalar(0.2).AddScalar(0.5).Clamp(0, 1)
		pictures := colours.Permute(0, 2, 3, 1).Contiguous()
		latent, err := p.EncodeImage(t.Context(), pictures)
		if err != nil {
			t.Fatal(err)
		}
		defer latent.Close()
		whole, err := p.DecodeLatent(latent)
		if err != nil {
			t.Fatal(err)
		}
		defer whole.Close()
		tiled, err := p.DecodeTiled(t.Context(), latent, Tile{Size: 96, Overlap: 24})
		if err != nil {
			t.Fatal(err)
		}
		defer tiled.Close()
		d := tiled.Sub(whole).Abs()
		t.Logf("tiles differ from the whole by %.4f in the mean, by %.4f at most, of 1", d.MeanAll().Item(), d.MaxAll().Item())
		if mean := d.MeanAll().Item(); mean == 0 || mean > 0.1 {
			t.Errorf("tiles differ from the whole by %v in the mean", mean)
		}
		second, err := p.DecodeTiled(t.Context(), latent.Narrow(0, 1, 1), Tile{Size: 96, Overlap: 24})
		if err != nil {
			t.Fatal(err)
		}
		defer second.Close()
		if !slices.Equal(second.Float32s(), tiled.Narrow(0, 1, 1).Contiguous().Float32s()) {
			t.Error("an image has other tiles within a batch than alone")
		}
	})
}

// Tiles are chosen where the whole does not fit, always or never, as it is asked for.
func TestTilingIsChosen(t *testing.T) {
	p := loadTiny(t)
	latent := []int64{1, 4, 512, 512}
	if p.tiles(latent) != nil {
		t.Error("tiles where the whole fits")
	}
	n := p.needToDecode(latent, &automatic)
	p.maxMemory = int64(resident(t)) + whole(need{device: n.device + n.host}.room().device) + 64<<20
	tile := p.tiles(latent)
	if tile == nil || p.mayDecode(latent, tile) != nil {
		t.Errorf("%v where the whole does not fit and tiles do", tile)
	}
	p.tiling = TilingOff
	if _, err := p.DecodeEmpty(t.Context(), 512*p.Factor(), 512*p.Factor(), 1); err == nil || p.tiles(latent) != nil {
		t.Errorf("%v without tiles", err)
	}
	p.maxMemory, p.tiling = 0, TilingOn
	before := automatic
	automatic = Tile{Size: 32, Overlap: 8}
	defer func() { automatic = before }()
	fixture.InScope(t, func() {
		g := torch.NewGenerator(4)
		defer g.Close()
		z := g.Randn(1, 4, 16, 12)
		values := func(image torch.Tensor, err error) []float32 {
			if err != nil {
				t.Fatal(err)
			}
			defer image.Close()
			return image.Float32s()
		}
		forced := values(p.DecodeLatent(z))
		if want := values(p.DecodeTiled(t.Context(), z, Tile{Size: 32, Overlap: 8})); !slices.Equal(forced, want) {
			t.Error("decoding is not in tiles although it was asked for")
		}
		p.tiling = TilingOff
		whole := values(p.DecodeLatent(z))
		sum := 0.0
		for i := range whole {
			sum += math.Abs(float64(whole[i] - forced[i]))
		}
		if sum == 0 {
			t.Error("decoding is in tiles although it was forbidden")
		}
		p.tiling = TilingOn
		pictures := torch.FromFloat32s(whole, 1, 64, 48, 3)
		encoded := values(p.EncodeImage(t.Context(), pictures))
		if want := values(p.EncodeTiled(t.Context(), pictures, Tile{Size: 32, Overlap: 8})); !slices.Equal(encoded, want) {
			t.Error("encoding is not in tiles although it was asked for")
		}
	})
}
