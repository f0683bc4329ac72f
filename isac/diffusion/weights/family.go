package weights

import (
	"fmt"
	"slices"
	"strings"
)

// A family is told by tensor names and shapes, never by a file's name.

// signs are tensor names, or their beginnings, that only one family has, most telling first. SD1.x is not among them: it is what is left
// with a CLIP-L text encoder below cond_stage_model.transformer.
var signs = []struct{ prefix, family string }{
	{"model.diffusion_model.joint_blocks.", "Stable Diffusion 3 (joint blocks)"},
	{"joint_blocks.", "Stable Diffusion 3 (the transformer alone)"},
	{"model.diffusion_model.double_blocks.", "Flux (double blocks)"},
	{"double_blocks.", "Flux (the transformer alone)"},
	{"conditioner.embedders.", "Stable Diffusion XL (two text encoders)"},
	{"model.diffusion_model.label_emb.", "Stable Diffusion XL (size embedding)"},
	{"cond_stage_model.model.", "Stable Diffusion 2 (OpenCLIP text encoder)"},
	{"blocks.0.cross_attn.q_linear.", "PixArt (the transformer alone)"},
	{"control_model.", "a ControlNet"},
	{"lora_unet_", "a LoRA, which changes a model and is none"},
	{"lora_te", "a LoRA, which changes a model and is none"},
	{"down_blocks.", "the UNet alone of a diffusers folder: give the folder that holds model_index.json"},
	{"text_model.", "a text encoder alone"},
	{"encoder.conv_in.", "an autoencoder alone"},
	{"transformer_blocks.", "a diffusion transformer alone"},
}

// latentChannels is what the UNet of a text-to-image model takes in; inpainting and editing models take more.
const latentChannels = 4

// checkFamily refuses a single file of another family than SD1.x with a sentence that names it.
func checkFamily(src Source) error {
	names := src.Names()
	for _, s := range signs {
		i, _ := slices.BinarySearch(names, s.prefix)
		if i < len(names) && strings.HasPrefix(names[i], s.prefix) {
			return fmt.Errorf("this is %s, a single file has to be Stable Diffusion 1.x: %w", s.family, ErrUnsupported)
		}
	}
	for _, name := range names {
		if strings.HasSuffix(name, "attn2.to_k.weight") && strings.HasPrefix(name, "model.diffusion_model.") {
			if shape, _ := src.Shape(name); len(shape) == 2 && shape[1] == 1024 {
				return fmt.Errorf("this is Stable Diffusion 2 (%s takes a context of width 1024), a single file has to be Stable Diffusion 1.x: %w", name, ErrUnsupported)
			}
			break
		}
	}
	const first = "model.diffusion_model.input_blocks.0.0.weight"
	shape, ok := src.Shape(first)
	if !ok {
		return fmt.Errorf("no tensor %q: this is no Stable Diffusion checkpoint: %w", first, ErrUnsupported)
	}
	if len(shape) == 4 && (shape[1] == 2*latentChannels || shape[1] == 2*latentChannels+1) {
		return fmt.Errorf("this is an inpainting or editing model (its UNet takes %d channels), give a text-to-image model: %w", shape[1], ErrUnsupported)
	}
	return nil
}
