package nodes

import (
	"context"
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

type encodeInpaintInput struct {
	Pixels *Image `mapstructure:"pixels" tooltip:"The images to encode."`
	VAE    *VAE   `mapstructure:"vae" tooltip:"The autoencoder that encodes them."`
	Mask   *Mask  `mapstructure:"mask" tooltip:"1 where the images are to be made anew."`
	Grow   int    `mapstructure:"grow_mask_by" default:"6" min:"0" max:"64" step:"1" tooltip:"By how many pixels the mask is made larger, so that no seam is seen."`
}

// vaeEncodeForInpaint encodes images with a hole, for models that fill it.
func vaeEncodeForInpaint() Node {
	return Define(Meta{
		Class: "VAEEncodeForInpaint", DisplayName: "VAE Encode (for Inpainting)", Category: "latent/inpaint",
		Description: "Encodes images that are grey where a mask is, and has only that sampled. Meant for a denoise of 1.",
		Outputs:     []Output{{Type: "LATENT", Name: "LATENT", Tooltip: "The encoded images with their mask."}},
	}, func(ctx context.Context, _ *Env, in *encodeInpaintInput) (Result, error) {
		if err := in.Mask.check(); err != nil {
			return Result{}, err
		}
		f := int64(in.VAE.autoencoder.Factor())
		pixels, shape := in.Pixels.Pixels, in.Pixels.Pixels.Shape()
		m := torch.UpsampleBilinear2d(in.Mask.Planes.Unsqueeze(1), shape[1], shape[2], false)
		pixels = wholePixels(wholePixels(pixels, 1, f), 2, f)
		m = wholePixels(wholePixels(m, 2, f), 3, f)
		hole := m.Round()
		// Grey is the middle of what the autoencoder takes in.
		kept := hole.Neg().AddScalar(1).Permute(0, 2, 3, 1)
		latent, err := in.VAE.encode(ctx, pixels.SubScalar(0.5).Mul(kept).AddScalar(0.5))
		if err != nil {
			return Result{}, err
		}
		defer latent.Close()
		return Result{Values: []any{latent.masked(grown(hole, int64(in.Grow)).Squeeze(1))}}, nil
	})
}

// grown is a mask [B,1,H,W] of 0 and 1 with every place set that has a set one within a square of side by; of the same size.
func grown(mask torch.Tensor, by int64) torch.Tensor {
	if by == 0 {
		return mask
	}
	padding := int64(math.Ceil(float64(by-1) / 2))
	sum := torch.Conv2d(mask, torch.Ones([]int64{1, 1, by, by}, torch.Float32, torch.CPU), torch.Tensor{}, []int64{1, 1}, []int64{padding, padding}, []int64{1, 1}, 1)
	return sum.Clamp(0, 1).Narrow(2, 0, mask.Size(2)).Narrow(3, 0, mask.Size(3)).Round()
}
