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
	}, func(_ context.Context, _ *Env, in *decodeInput) (Result, error) {
		pipeline, latent := in.VAE.checkpoint.pipeline, in.Samples.Samples
		if !latent.Defined() { // never sampled: zeros, as ComfyUI's empty latent has
			f := in.Samples
			shape := []int64{int64(f.Batch), int64(pipeline.LatentChannels()), int64(f.Height / pipeline.Factor()), int64(f.Width / pipeline.Factor())}
			latent = torch.Zeros(shape, torch.Float32, torch.CPU)
		}
		pixels, err := pipeline.DecodeLatent(latent)
		if err != nil {
			return Result{}, err
		}
		return Result{Values: []any{newImage(pixels)}}, nil
	})
}
