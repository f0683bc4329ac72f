package nodes

import (
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/plugin/modelfolder"
)

// vaeFolder is what ComfyUI calls the folder of autoencoders, beside the one of checkpoints.
const vaeFolder = "vae"

// VAEs finds autoencoders: .safetensors files in a folder "vae" of a model folder, or beside one that is called "checkpoints". It returns
// their paths by the names that vae_name shows: relative to that folder, with forward slashes. Of two with one name the first wins. The
// folder "vae" of a model in diffusers' layout is that model's own.
func VAEs(modelFolders []string) map[string]string {
	found := map[string]string{}
	for _, folder := range modelFolders {
		abs, err := filepath.Abs(folder)
		if folder == "" || err != nil || isFile(filepath.Join(abs, diffusersFile)) {
			continue
		}
		roots := []string{filepath.Join(abs, vaeFolder)}
		if strings.EqualFold(filepath.Base(abs), "checkpoints") {
			roots = append(roots, filepath.Join(filepath.Dir(abs), vaeFolder))
		}
		for _, root := range roots {
			modelfolder.Walk(root, func(string) bool { return true }, func(inside string, _ fs.FileInfo) {
				name := filepath.ToSlash(inside)
				if strings.EqualFold(filepath.Ext(inside), singleFile) && found[name] == "" {
					found[name] = filepath.Join(root, inside)
				}
			})
		}
	}
	return found
}

// vaeNames lists the names of the autoencoders of env, sorted.
func vaeNames(env *Env) []string {
	if env == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(VAEs(env.ModelPaths)))
}
