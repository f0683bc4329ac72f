package family

import (
	"fmt"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// unsupported are tensor names, or their beginnings, of what is sound and of no family of the list, most telling first.
var unsupported = []struct{ prefix, kind string }{
	{"joint_blocks.", "Stable Diffusion 3's transformer alone: give a whole checkpoint, or the diffusers folder"},
	{"model.diffusion_model.double_blocks.", "Flux (double blocks)"},
	{"double_blocks.", "Flux (the transformer alone)"},
	{"conditioner.embedders.0.model.", "SDXL's refiner (one OpenCLIP text encoder), give the base model"},
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

// firstConv is the first tensor of every UNet of the first releases.
const firstConv = "model.diffusion_model.input_blocks.0.0.weight"

// recognise finds the family of a single file, or says by name what it is.
func recognise(src weights.Source) (*Family, error) {
	names := src.Names()
	for _, u := range unsupported {
		if hasPrefix(names, u.prefix) {
			return nil, fmt.Errorf("this is %s; supported are %s: %w", u.kind, titles(), weights.ErrUnsupported)
		}
	}
	if shape, ok := src.Shape(firstConv); ok && len(shape) == 4 && (shape[1] == 2*latentChannels || shape[1] == 2*latentChannels+1) {
		return nil, fmt.Errorf("this is an inpainting or editing model (its UNet takes %d channels), give a text-to-image model: %w", shape[1], weights.ErrUnsupported)
	}
	for _, f := range list {
		if f.Single(src) {
			return f, nil
		}
	}
	return nil, fmt.Errorf("no tensor %q: this is no Stable Diffusion checkpoint; supported are %s: %w", firstConv, titles(), weights.ErrUnsupported)
}

func titles() string {
	var all []string
	for _, f := range list {
		all = append(all, f.Title)
	}
	return strings.Join(all, ", ")
}

// hasPrefix tells whether a name of a sorted list begins with prefix.
func hasPrefix(names []string, prefix string) bool {
	i, _ := slices.BinarySearch(names, prefix)
	return i < len(names) && strings.HasPrefix(names[i], prefix)
}

// contextWidth is the width of the text that a single file's UNet reads, 0 where it has no cross-attention.
func contextWidth(src weights.Source) int64 {
	for _, name := range src.Names() {
		if strings.HasPrefix(name, "model.diffusion_model.") && strings.HasSuffix(name, "attn2.to_k.weight") {
			if shape, _ := src.Shape(name); len(shape) == 2 {
				return shape[1]
			}
		}
	}
	return 0
}
