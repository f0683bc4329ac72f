package upscale

import (
	"context"
	"math"

	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/torch"
)

const (
	// Tile is the longest side of a tile, in pixels; leastTile that of one where memory is short.
	Tile      = 512
	leastTile = 128
	// overlap is how many pixels tiles have in common, over which one fades into the other.
	overlap = 32
)

// tiled upscales pictures [B,3,H,W] in tiles of up to side pixels, whose results are averaged where they overlap.
func (m *Model) tiled(ctx context.Context, x torch.Tensor, side int64, progress func(done, all int)) (torch.Tensor, error) {
	tiles := layer.Tiles{Width: side, Height: side, Overlap: overlap}
	done, all := 0, int(x.Size(0))*tiles.Count(x.Size(2), x.Size(3))
	return tiles.Blend(x, float64(m.network.scale()), x.Size(1), func(tile torch.Tensor) (torch.Tensor, error) {
		if err := ctx.Err(); err != nil {
			return torch.Tensor{}, err
		}
		y := m.tile(tile.To(torch.Float32).ToDevice(m.params.Device()))
		if done++; progress != nil {
			progress(done, all)
		}
		return y, nil
	})
}

// Memory is what the upscaling of pictures [B,3,H,W] takes in bytes, beside weights: the machine's, for what is made of them, and the device's
// for a tile.
func (m *Model) Memory(shape []int64) (host, device float64) {
	scale := float64(m.network.scale())
	pixels := float64(shape[2]) * float64(shape[3])
	host = 4 * scale * scale * pixels * (float64(shape[0])*2*float64(shape[1]) + 2) // the pictures, once more where they are laid out anew, and weights
	tile := math.Min(Tile*Tile, pixels)
	return host, 4 * tile * m.network.widest()
}
