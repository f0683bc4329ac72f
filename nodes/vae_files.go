package nodes

import "github.com/isac-guidance/isac/plugin/modelfolder"

// VAEs finds autoencoders in the model folders (see modelfolder.New), and returns their paths by the names that vae_name shows.
func VAEs(folders []string) map[string]string {
	return modelfolder.New(folders).Paths(modelfolder.VAE)
}

// vaeNames lists the names of the autoencoders of env, sorted.
func vaeNames(env *Env) []string { return modelNames(env, modelfolder.VAE) }
