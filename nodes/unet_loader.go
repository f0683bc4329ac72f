package nodes

import (
	"context"
	"errors"
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/nodes/schema"
	"github.com/isac-guidance/isac/plugin/modelfolder"
)

type unetInput struct {
	Name  string `mapstructure:"unet_name" combo:"@unets" tooltip:"The file to load, of the folders diffusion_models and unet."`
	DType string `mapstructure:"weight_dtype" combo:"default,fp8_e4m3fn,fp8_e4m3fn_fast,fp8_e5m2" tooltip:"Read for ComfyUI's sake: weights are kept in the type that models compute in."`
}

// unetLoader loads the denoiser of a file in the folder of diffusion models. As a model here is known by all its parts, the file has to be a
// whole checkpoint; of any other it says what it is.
func unetLoader(cache *checkpoints) Node {
	return Define(Meta{
		Class: "UNETLoader", DisplayName: "Load Diffusion Model", Category: "advanced/loaders",
		Description: "Loads a diffusion model from the folder diffusion_models. Only files that are whole checkpoints can be loaded so far.",
		Outputs:     []Output{{Type: "MODEL", Name: "MODEL", Tooltip: "The model that takes noise out of latents."}},
		Lists: func(env *Env) schema.Lists {
			return schema.Lists{"unets": modelNames(env, modelfolder.DiffusionModels)}
		},
	}, func(_ context.Context, env *Env, in *unetInput) (Result, error) {
		path := modelfolder.New(env.ModelPaths).Paths(modelfolder.DiffusionModels)[in.Name]
		c, err := cache.acquire(keyOf(env, path), in.Name, env.Shared)
		if errors.Is(err, weights.ErrUnsupported) || errors.Is(err, weights.ErrMissing) {
			err = fmt.Errorf("%w; a diffusion model without its text encoder and autoencoder cannot be loaded yet: use CheckpointLoaderSimple with a whole checkpoint", err)
		}
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
