package nodes

import (
	"maps"
	"slices"

	"github.com/isac-guidance/isac/plugin/modelfolder"
)

// Checkpoints finds all checkpoints in the model folders (see modelfolder.New): single files, and folders that hold a model_index.json. It
// returns their paths by the names that ckpt_name shows: in a tree as ComfyUI has it relative to its folder "checkpoints", in any other folder
// relative to that, with forward slashes. A model folder that is itself a checkpoint goes by its own name. Of two with one name the first
// folder's wins. A folder that cannot be read counts as empty: one missing drive must not hide the other models. Of a folder that links lead
// to, the files are found once, under the folder's own name where that lies within. Whether a checkpoint can be loaded is not looked at.
func Checkpoints(folders []string) map[string]string {
	return modelfolder.New(folders).Paths(modelfolder.Checkpoints)
}

// checkpointNames lists the names of the checkpoints that env's model folders hold, sorted.
func checkpointNames(env *Env) []string { return modelNames(env, modelfolder.Checkpoints) }

// modelNames lists the names of the models of a kind that env's model folders hold, sorted.
func modelNames(env *Env, kind string) []string {
	if env == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(modelfolder.New(env.ModelPaths).Paths(kind)))
}
