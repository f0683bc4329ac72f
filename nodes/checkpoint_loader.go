package nodes

import (
	"context"

	"github.com/isac-guidance/isac/nodes/schema"
)

type checkpointInput struct {
	Name string `mapstructure:"ckpt_name" combo:"@checkpoints" tooltip:"The checkpoint to load: a .safetensors or .ckpt file, or a folder in the layout of diffusers."`
}

// checkpointLoaderSimple loads a checkpoint. The name must be one that the model folders hold, so no path leads out of them.
func checkpointLoaderSimple(cache *checkpoints) Node {
	return Define(Meta{
		Class: "CheckpointLoaderSimple", DisplayName: "Load Checkpoint", Category: "loaders",
		Description: "Loads a diffusion model with its text encoder and autoencoder. It is loaded once for as long as anything of it is in use.",
		Outputs: []Output{
			{Type: "MODEL", Name: "MODEL", Tooltip: "The model that takes noise out of latents."},
			{Type: "CLIP", Name: "CLIP", Tooltip: "The text encoder."},
			{Type: "VAE", Name: "VAE", Tooltip: "The autoencoder between images and latents."},
		},
		Lists: func(env *Env) schema.Lists { return schema.Lists{"checkpoints": checkpointNames(env)} },
	}, func(_ context.Context, env *Env, in *checkpointInput) (Result, error) {
		path := Checkpoints(env.ModelPaths)[in.Name]
		c, err := cache.acquire(keyOf(env, path), in.Name, env.Shared)
		if err != nil {
			return Result{}, err
		}
		return Result{Values: []any{newModel(c), newClip(c.share()), newVAE(c.share())}}, nil
	})
}
