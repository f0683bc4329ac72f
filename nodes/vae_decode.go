package nodes

import (
	"context"

	"github.com/isac-guidance/isac/isac/diffusion"
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
		return in.VAE.decode(in.Samples, func(a *diffusion.Autoencoder, latent torch.Tensor) (torch.Tensor, error) {
			return a.DecodeLatentContext(ctx, latent)
		}, func(a *diffusion.Autoencoder, width, height, batch int) (torch.Tensor, error) {
			return a.DecodeEmpty(ctx, width, height, batch)
		})
	})
}

// decode makes images of latents by one of two functions: of those that were sampled, and of empty ones, which are zeros, as ComfyUI's are.
func (v *VAE) decode(latent *Latent, sampled func(*diffusion.Autoencoder, torch.Tensor) (torch.Tensor, error),
	empty func(a *diffusion.Autoencoder, width, height, batch int) (torch.Tensor, error)) (Result, error) {
	var pixels torch.Tensor
	var err error
	if latent.Samples.Defined() {
		pixels, err = sampled(v.autoencoder, latent.Samples)
	} else {
		width, height, _ := latent.whole(v.autoencoder.Factor())
		pixels, err = empty(v.autoencoder, width, height, latent.Batch)
	}
	if err != nil {
		return Result{}, err
	}
	return Result{Values: []any{newImage(pixels)}}, nil
}
