package nodes

import (
	"context"

	"github.com/isac-guidance/isac/isac/torch"
)

type encodeInput struct {
	Pixels *Image `mapstructure:"pixels" tooltip:"The images to encode. What is over at the edges, to whole pixels of a latent, is cut off."`
	VAE    *VAE   `mapstructure:"vae" tooltip:"The autoencoder that encodes them."`
}

// vaeEncode turns images into latents.
func vaeEncode() Node {
	return Define(Meta{
		Class: "VAEEncode", DisplayName: "VAE Encode", Category: "latent",
		Description: "Encodes images into latents.",
		Outputs:     []Output{{Type: "LATENT", Name: "LATENT", Tooltip: "The encoded images."}},
	}, func(ctx context.Context, _ *Env, in *encodeInput) (Result, error) {
		latent, err := in.VAE.encode(ctx, in.Pixels.Pixels)
		if err != nil {
			return Result{}, err
		}
		return Result{Values: []any{latent}}, nil
	})
}

// encode gives the latents of pixels [B,H,W,3], of which it takes the middle that has whole pixels of a latent.
func (v *VAE) encode(ctx context.Context, pixels torch.Tensor) (*Latent, error) {
	f := int64(v.autoencoder.Factor())
	samples, err := v.autoencoder.EncodeImage(ctx, wholePixels(wholePixels(pixels, 1, f), 2, f))
	if err != nil {
		return nil, err
	}
	return newLatent(samples, int(f)), nil
}

// wholePixels is the middle of x along a dimension, of a length that is a multiple of f, as ComfyUI cuts images. Less than one is left as it is.
func wholePixels(x torch.Tensor, dim, f int64) torch.Tensor {
	n := x.Size(int(dim))
	if n < f {
		return x
	}
	return x.Narrow(dim, n%f/2, n/f*f)
}
