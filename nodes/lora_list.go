package nodes

import (
	"maps"
	"slices"

	"github.com/isac-guidance/isac/plugin/modelfolder"
)

// LoRAs finds LoRA files: those in folders of LoRAs, and those that lie in model folders where ComfyUI has them (see modelfolder.New). It
// returns their paths by the names that lora_name shows: relative to the folder of LoRAs, with forward slashes. Of two with one name the first
// folder's wins. Whether a file is a LoRA is not looked at.
func LoRAs(loraFolders, modelFolders []string) map[string]string {
	found := modelfolder.Whole(loraFolders)
	for name, path := range modelfolder.New(modelFolders).Paths(modelfolder.LoRAs) {
		if found[name] == "" {
			found[name] = path
		}
	}
	return found
}

// loraNames lists the names of the LoRAs of env, sorted.
func loraNames(env *Env) []string {
	if env == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(LoRAs(env.LoRAPaths, env.ModelPaths)))
}
