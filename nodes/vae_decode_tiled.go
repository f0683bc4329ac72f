package nodes

import (
	"context"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/torch"
)

type decodeTiledInput struct {
	Samples *Latent `mapstructure:"samples" tooltip:"The latents to decode."`
	VAE     *VAE    `mapstructure:"vae" tooltip:"The autoencoder that decodes them."`
	Size    int     `mapstructure:"tile_size" default:"512" min:"64" max:"4096" step:"32" tooltip:"Side of a tile, in pixels. Smaller tiles take less memory."`
	Overlap int     `mapstructure:"overlap" default:"64" min:"0" max:"4096" step:"32" tooltip:"What neighbouring tiles share, in pixels; at most a quarter of a tile."`
	// Read by autoencoders of videos alone, of which there is none here.
	TemporalSize    int `mapstructure:"temporal_size" default:"64" min:"8" max:"4096" step:"4" tooltip:"Has no effect: it is for autoencoders of videos."`
	TemporalOverlap int `mapstructure:"temporal_overlap" default:"8" min:"4" max:"4096" step:"4" tooltip:"Has no effect: it is for autoencoders of videos."`
}

// vaeDecodeTiled turns latents into images, in tiles.
func vaeDecodeTiled() Node {
	return Define(Meta{
		Class: "VAEDecodeTiled", DisplayName: "VAE Decode (Tiled)", Category: "_for_testing",
		Description: "Decodes latents into images tile by tile, which takes the memory of one tile. Tiles fade into each other.",
		Outputs:     []Output{{Type: "IMAGE", Name: "IMAGE", Tooltip: "The decoded images."}},
	}, func(ctx context.Context, _ *Env, in *decodeTiledInput) (Result, error) {
		tile := diffusion.Tile{Size: in.Size, Overlap: in.Overlap}
		if tile.Size < 4*tile.Overlap { // as ComfyUI does it
			tile.Overlap = tile.Size / 4
		}
		return in.VAE.decode(in.Samples, func(a *diffusion.Autoencoder, latent torch.Tensor) (torch.Tensor, error) {
			return a.DecodeTiled(ctx, latent, tile)
		}, func(a *diffusion.Autoencoder, width, height, batch int) (torch.Tensor, error) {
			return a.DecodeEmptyTiled(ctx, width, height, batch, tile)
		})
	})
}
