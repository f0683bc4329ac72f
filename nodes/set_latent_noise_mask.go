package nodes

import "context"

type noiseMaskInput struct {
	Samples *Latent `mapstructure:"samples" tooltip:"The latents."`
	Mask    *Mask   `mapstructure:"mask" tooltip:"1 where they are to be sampled anew, 0 where they stay."`
}

// setLatentNoiseMask has only a part of latents sampled.
func setLatentNoiseMask() Node {
	return Define(Meta{
		Class: "SetLatentNoiseMask", DisplayName: "Set Latent Noise Mask", Category: "latent/inpaint",
		Description: "Has samplers change latents only where a mask is, also where guidance moves them.",
		Outputs:     []Output{{Type: "LATENT", Name: "LATENT", Tooltip: "The latents with the mask."}},
	}, func(_ context.Context, _ *Env, in *noiseMaskInput) (Result, error) {
		if err := in.Mask.check(); err != nil {
			return Result{}, err
		}
		return Result{Values: []any{in.Samples.masked(in.Mask.Planes.Clone())}}, nil
	})
}
