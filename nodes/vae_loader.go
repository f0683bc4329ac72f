package nodes

import (
	"context"
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/nodes/schema"
)

type vaeInput struct {
	Name string `mapstructure:"vae_name" combo:"@vaes" tooltip:"The autoencoder to load: a .safetensors file of a folder vae."`
}

// vaeLoader loads an autoencoder of its own.
func vaeLoader() Node {
	return Define(Meta{
		Class: "VAELoader", DisplayName: "Load VAE", Category: "loaders",
		Description: "Loads an autoencoder from a file of its own, to be used in place of the checkpoint's.",
		Outputs:     []Output{{Type: "VAE", Name: "VAE", Tooltip: "The autoencoder."}},
		Lists:       func(env *Env) schema.Lists { return schema.Lists{"vaes": vaeNames(env)} },
	}, func(_ context.Context, env *Env, in *vaeInput) (Result, error) {
		key := keyOf(env, VAEs(env.ModelPaths)[in.Name])
		a, err := diffusion.LoadAutoencoder(key.path, diffusion.LoadOptions{Device: key.device, DType: key.dtype, MaxMemory: key.memory, Tiling: key.tiling, TextOffload: key.textOffload, Encoders: key.encoders})
		if err != nil {
			return Result{}, fmt.Errorf("VAE %q: %w", in.Name, err)
		}
		v := &VAE{autoencoder: a}
		v.held.free = a.Close
		return Result{Values: []any{v}}, nil
	})
}
