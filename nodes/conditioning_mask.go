package nodes

import (
	"context"

	"github.com/isac-guidance/isac/isac/diffusion"
)

type setMaskInput struct {
	Conditioning *Conditioning `mapstructure:"conditioning" tooltip:"The conditioning."`
	Mask         *Mask         `mapstructure:"mask" tooltip:"How much it counts where."`
	Strength     float64       `mapstructure:"strength" default:"1.0" min:"0.0" max:"10.0" step:"0.01" tooltip:"What the mask is multiplied with."`
	Area         string        `mapstructure:"set_cond_area" combo:"default,mask bounds" tooltip:"Whether the model is shown the whole picture or only what is around the mask."`
}

// conditioningSetMask has a conditioning hold where a mask is.
func conditioningSetMask() Node {
	return Define(Meta{
		Class: "ConditioningSetMask", DisplayName: "Conditioning (Set Mask)", Category: "conditioning",
		Description: "Has a conditioning count where a mask is.",
		Outputs:     []Output{{Type: "CONDITIONING", Name: "CONDITIONING", Tooltip: "The conditioning behind its mask."}},
	}, func(_ context.Context, _ *Env, in *setMaskInput) (Result, error) {
		if err := in.Mask.check(); err != nil {
			return Result{}, err
		}
		made := in.Conditioning.Encoded.InRegions(func(r *diffusion.Region) {
			if r.Mask.Defined() {
				r.Mask.Close()
			}
			r.Mask, r.MaskStrength, r.ToBounds = in.Mask.Planes.Clone().Keep(), in.Strength, in.Area != "default"
		})
		return Result{Values: []any{newConditioning(made)}}, nil
	})
}
