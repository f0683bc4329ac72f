package modelfolder

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Kinds of models that this module's programs ask for. Each is the name that ComfyUI gives to it, and to its folder.
const (
	Checkpoints     = "checkpoints"
	LoRAs           = "loras"
	VAE             = "vae"
	Embeddings      = "embeddings"
	DiffusionModels = "diffusion_models"
	TextEncoders    = "text_encoders"
	ControlNets     = "controlnet"
	UpscaleModels   = "upscale_models"
	diffusers       = "diffusers"
)

// folderNames are the folders of a tree of models in which each kind lies. Those after the first are older names that ComfyUI still reads,
// and "lora", which others use.
var folderNames = map[string][]string{
	Checkpoints: {"checkpoints"}, LoRAs: {"loras", "lora"}, VAE: {"vae"}, Embeddings: {"embeddings"},
	DiffusionModels: {"unet", "diffusion_models"}, TextEncoders: {"text_encoders", "clip"}, diffusers: {"diffusers"},
	ControlNets: {"controlnet", "t2i_adapter"}, "clip_vision": {"clip_vision"}, "style_models": {"style_models"},
	UpscaleModels: {"upscale_models"}, "hypernetworks": {"hypernetworks"}, "gligen": {"gligen"}, "vae_approx": {"vae_approx"},
	"photomaker": {"photomaker"}, "classifiers": {"classifiers"}, "model_patches": {"model_patches"}, "audio_encoders": {"audio_encoders"},
}

// Kinds lists the kinds of models, sorted.
func Kinds() []string { return slices.Sorted(maps.Keys(folderNames)) }

// today gives a kind the name that it has today: ComfyUI once said "unet" and "clip".
func today(kind string) string {
	switch kind {
	case "unet":
		return DiffusionModels
	case "clip":
		return TextEncoders
	}
	return kind
}

// kindOf is the kind of models that a folder of this name holds, "" for any other name.
func kindOf(folder string) string {
	name := strings.ToLower(filepath.Base(folder))
	for kind, names := range folderNames {
		if slices.Contains(names, name) {
			return kind
		}
	}
	return ""
}

// endings are those of files that ComfyUI takes for models; readable are those of them that this module can read: the rest are programs.
var (
	readable = []string{".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin"}
	endings  = append([]string{".pt2", ".pkl"}, readable...)
	// telling are endings that say enough in a folder of anything.
	telling = []string{".safetensors", ".sft", ".ckpt"}
)

// Readable says whether a file of this name may be read as a model.
func Readable(name string) bool { return hasEnding(name, readable) }

func hasEnding(name string, of []string) bool {
	return slices.Contains(of, strings.ToLower(filepath.Ext(name)))
}
