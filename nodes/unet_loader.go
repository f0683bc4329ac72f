package nodes

import (
	"context"

	"github.com/isac-guidance/isac/nodes/schema"
	"github.com/isac-guidance/isac/plugin/modelfolder"
)

type unetInput struct {
	Name  string `mapstructure:"unet_name" combo:"@unets" tooltip:"The file to load, of the folders diffusion_models and unet."`
	DType string `mapstructure:"weight_dtype" combo:"default,fp8_e4m3fn,fp8_e4m3fn_fast,fp8_e5m2" tooltip:"Read for ComfyUI's sake: weights are kept in the type that models compute in."`
}

// unetLoader loads the denoiser of a model, to which text encoders and autoencoder come from elsewhere.
func unetLoader(cache *checkpoints) Node {
	return Define(Meta{
		Class: "UNETLoader", DisplayName: "Load Diffusion Model", Category: "advanced/loaders",
		Description: "Loads a diffusion model alone (Stable Diffusion 1.x, 2.x, XL or 3), under the first release's or diffusers' names; of a whole checkpoint its diffusion model. CLIPLoader or DualCLIPLoader and VAELoader load what it lacks.",
		Outputs:     []Output{{Type: "MODEL", Name: "MODEL", Tooltip: "The model that takes noise out of latents."}},
		Lists: func(env *Env) schema.Lists {
			return schema.Lists{"unets": modelNames(env, modelfolder.DiffusionModels)}
		},
	}, func(_ context.Context, env *Env, in *unetInput) (Result, error) {
		key := keyOf(env, modelfolder.New(env.ModelPaths).Paths(modelfolder.DiffusionModels)[in.Name])
		key.part = denoiserPart
		c, err := cache.acquire(key, in.Name, env.Shared)
		if err != nil {
			return Result{}, err
		}
		result := Result{Values: []any{newModel(c)}}
		if in.DType != "default" {
			result.UI = map[string]any{"text": []string{"weight_dtype " + in.DType + " is not used: weights are kept in the type that the model computes in"}}
		}
		return result, nil
	})
}
