package nodes

import (
	"context"
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/sampling"
)

type modelSamplingSD3Input struct {
	Model *Model  `mapstructure:"model" tooltip:"A model that predicts velocity along a rectified flow, such as Stable Diffusion 3."`
	Shift float64 `mapstructure:"shift" default:"3.0" min:"0.0" max:"100.0" step:"0.01" tooltip:"How far noise levels are moved up: larger images need more."`
}

// modelSamplingSD3 changes the shift of a flow model's noise levels.
func modelSamplingSD3() Node {
	return Define(Meta{
		Class: "ModelSamplingSD3", DisplayName: "ModelSamplingSD3", Category: "advanced/model",
		Description: "Moves the noise levels that a Stable Diffusion 3 model is sampled at.",
		Outputs:     []Output{{Type: "MODEL", Name: "MODEL", Tooltip: "The model with the shift."}},
	}, func(_ context.Context, _ *Env, in *modelSamplingSD3Input) (Result, error) {
		if _, flow := in.Model.Pipeline().Noise().(*sampling.Flow); !flow {
			return Result{}, fmt.Errorf("model %q is %s, which predicts no velocity of a flow: ModelSamplingSD3 is for Stable Diffusion 3",
				in.Model.checkpoint.name, in.Model.Pipeline().Family().Title)
		}
		noise, err := sampling.NewFlow(in.Shift)
		if err != nil {
			return Result{}, err
		}
		shifted := in.Model.clone()
		shifted.noise = noise
		return Result{Values: []any{shifted}}, nil
	})
}
