package nodes

import (
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion"
)

// Parts of a model that are loaded alone; "" is a whole checkpoint, and any other part names the kind of model that text encoders are for.
const denoiserPart = "denoiser"

// pathsJoin stands between the paths of several files, in none of which it can be.
const pathsJoin = "\x00"

// load loads what the key names.
func (k checkpointKey) load(shared *SharedWeights) (pipeline *diffusion.Pipeline, notes []string, err error) {
	o := diffusion.LoadOptions{
		Device: k.device, DType: k.dtype, Checkpoint: k.checkpoint, AutoCheckpoint: k.autoCheckpoint, MaxMemory: k.memory, Tiling: k.tiling,
		TextOffload: k.textOffload, Encoders: k.encoders,
	}
	switch k.part {
	case "":
		return shared.load(diffusion.Load, k.path, o)
	case denoiserPart:
		return shared.load(diffusion.LoadDenoiser, k.path, o)
	}
	pipeline, err = diffusion.LoadTexts(k.part, strings.Split(k.path, pathsJoin), o)
	return pipeline, nil, err
}

// what names it for people.
func (k checkpointKey) what() string {
	switch k.part {
	case "":
		return "checkpoint"
	case denoiserPart:
		return "diffusion model"
	}
	return "text encoder"
}
