package nodes

import (
	"context"

	"github.com/isac-guidance/isac/isac/torch"
)

type decodeInput struct {
	Samples *Latent `mapstructure:"samples" tooltip:"The latents to decode."`
	VAE     *VAE    `mapstructure:"vae" tooltip:"The autoencoder that decodes them."`
}

// vaeDecode turns latents into images.
func vaeDecode() Node {
	return Define(Meta{
		Class: "VAEDecode", DisplayName: "VAE Decode", Category: "latent",
		Description: "Decodes latents into images.",
		Outputs:     []Output{{Type: "IMAGE", Name: "IMAGE", Tooltip: "The decoded images."}},
	}, func(ctx context.Context, _ *Env, in *decodeInput) (Result, error) {
		autoencoder, latent := in.VAE.autoencoder, in.Samples
		var pixels torch.Tensor
		var err error
		if latent.Samples.Defined() {
			pixels, err = autoencoder.DecodeLatentContext(ctx, latent.Samples)
		} else { // never sampled: zeros, as ComfyUI's empty latent has
			width, height, _ := latent.whole(autoencoder.Factor())
			pixels, err = autoencoder.DecodeEmpty(ctx, width, height, latent.Batch)
		}
		if err != nil {
			return Result{}, err
		}
		return Result{Values: []any{newImage(pixels)}}, nil
	})
}
