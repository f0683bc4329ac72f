package diffusion

import (
	"context"
	"errors"
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/vae"
	"github.com/isac-guidance/isac/isac/torch"
)

// Tiling says whether an autoencoder takes pictures apart into tiles, which need less memory and give slightly other pictures: see
// Autoencoder.DecodeTiled.
type Tiling string

// The values of Tiling.
const (
	TilingAuto Tiling = ""    // where the whole does not fit into memory
	TilingOn   Tiling = "on"  // always
	TilingOff  Tiling = "off" // never
)

// Tile is the side of a tile and what neighbours share, in pixels of the image.
type Tile struct{ Size, Overlap int }

// automatic are the tiles where nobody has chosen others: ComfyUI's.
var automatic = Tile{Size: 512, Overlap: 64}

// in gives tiles in pixels that stand for f of the image's.
func (t Tile) in(f int) vae.Tiles {
	return vae.Tiles{Width: int64(t.Size / f), Height: int64(t.Size / f), Overlap: int64(t.Overlap / f)}
}

// shape is that of latents [B,C,h,w] of which no more is there than a tile, the largest of those that the autoencoder cuts.
func (t Tile) shape(whole []int64, f int) []int64 {
	one := t.in(f)
	narrow := []int64{whole[0], whole[1], min(whole[2], 2*one.Height), min(whole[3], one.Width/2)}
	wide := []int64{whole[0], whole[1], min(whole[2], one.Height/2), min(whole[3], 2*one.Width)}
	most := []int64{whole[0], whole[1], min(whole[2], one.Height), min(whole[3], one.Width)}
	for _, s := range [][]int64{narrow, wide} {
		if product(s) > product(most) {
			most = s
		}
	}
	return most
}

// DecodeTiled is DecodeLatentContext in tiles, as ComfyUI's node VAEDecodeTiled cuts and blends them: it takes the memory of one tile, and
// the pictures differ from those of DecodeLatent (see vae.Model.DecodeTiled).
func (a *Autoencoder) DecodeTiled(ctx context.Context, latent torch.Tensor, t Tile) (torch.Tensor, error) {
	return a.decodeBy(ctx, latent, &t)
}

// DecodeEmptyTiled is DecodeEmpty in tiles.
func (a *Autoencoder) DecodeEmptyTiled(ctx context.Context, width, height, batch int, t Tile) (torch.Tensor, error) {
	return a.decodeEmpty(ctx, width, height, batch, &t)
}

// EncodeTiled is EncodeImage in tiles, as ComfyUI's node VAEEncodeTiled cuts and blends them: it takes the memory of one tile, and the
// latents differ from those of EncodeImage.
func (a *Autoencoder) EncodeTiled(ctx context.Context, images torch.Tensor, t Tile) (torch.Tensor, error) {
	return a.encodeBy(ctx, images, &t)
}

// tiles decides in which tiles latents of a shape are decoded or made, nil for whole, where nobody has chosen.
func (a *Autoencoder) tiles(shape []int64) *Tile {
	switch a.tiling {
	case TilingOn:
		return &automatic
	case TilingOff:
		return nil
	}
	if errors.As(a.mayDecode(shape, nil), new(*MemoryError)) {
		return &automatic
	}
	return nil
}

// frugally runs fn, in the tiles that are asked for or those of tiles, and once more in tiles where the first try ran out of memory and
// nobody has forbidden them. Between the two nothing of the first is left. What does not fit is a *MemoryError.
func (a *Autoencoder) frugally(shape []int64, tile *Tile, fn func(*Tile) error) error {
	if tile == nil {
		tile = a.tiles(shape)
	}
	if err := a.mayDecode(shape, tile); err != nil {
		return err
	}
	try := func() error { return torch.InScope(func() error { return fn(tile) }) }
	err := try()
	if !torch.IsOutOfMemory(err) {
		return err
	}
	a.empty()
	if tile == nil && a.tiling != TilingOff {
		tile = &automatic
		if err = try(); !torch.IsOutOfMemory(err) {
			return err
		}
		a.empty()
	}
	var tried []string
	if tile != nil {
		tried = []string{fmt.Sprintf("tiles of %d pixels", tile.Size)}
	}
	return a.exhausted(a.imagesOf(shape), a.needToDecode(shape, tile), err, tried)
}
