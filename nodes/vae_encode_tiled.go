package nodes

import (
	"context"

	"github.com/isac-guidance/isac/isac/diffusion"
)

type encodeTiledInput struct {
	Pixels  *Image `mapstructure:"pixels" tooltip:"The images to encode. What is over at the edges, to whole pixels of a latent, is cut off."`
	VAE     *VAE   `mapstructure:"vae" tooltip:"The autoencoder that encodes them."`
	Size    int    `mapstructure:"tile_size" default:"512" min:"64" max:"4096" step:"64" tooltip:"Side of a tile, in pixels. Smaller tiles take less memory."`
	Overlap int    `mapstructure:"overlap" default:"64" min:"0" max:"4096" step:"32" tooltip:"What neighbouring tiles share, in pixels; less than half of a tile."`
	// Read by autoencoders of videos alone, of which there is none here.
	TemporalSize    int `mapstructure:"temporal_size" default:"64" min:"8" max:"4096" step:"4" tooltip:"Has no effect: it is for autoencoders of videos."`
	TemporalOverlap int `mapstructure:"temporal_overlap" default:"8" min:"4" max:"4096" step:"4" tooltip:"Has no effect: it is for autoencoders of videos."`
}

// vaeEncodeTiled turns images into latents, in tiles.
func vaeEncodeTiled() Node {
	return Define(Meta{
		Class: "VAEEncodeTiled", DisplayName: "VAE Encode (Tiled)", Category: "_for_testing",
		Description: "Encodes images into latents tile by tile, which takes the memory of one tile. Tiles fade into each other.",
		Outputs:     []Output{{Type: "LATENT", Name: "LATENT", Tooltip: "The encoded latents."}},
	}, func(ctx context.Context, _ *Env, in *encodeTiledInput) (Result, error) {
		f := int64(in.VAE.autoencoder.Factor())
		pixels := wholePixels(wholePixels(in.Pixels.Pixels, 1, f), 2, f)
		samples, err := in.VAE.autoencoder.EncodeTiled(ctx, pixels, diffusion.Tile{Size: in.Size, Overlap: in.Overlap})
		if err != nil {
			return Result{}, err
		}
		return Result{Values: []any{newLatent(samples, int(f))}}, nil
	})
}
