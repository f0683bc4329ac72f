package mmdit

import (
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// foreign are the tensors by which other kinds of diffusion transformer are known, and their names: those of diffusers' models first,
// then those of single files.
var foreign = []struct{ path, kind string }{
	{"single_transformer_blocks.0.proj_mlp", "Flux (parallel single-stream blocks)"},
	{"single_transformer_blocks", "AuraFlow (single-stream blocks)"},
	{"register_tokens", "AuraFlow (register tokens)"},
	{"txt_norm", "Qwen-Image"},
	{"time_text_embed.guidance_embedder", "a guidance-distilled transformer (Flux dev)"},
	{"patch_embed", "Sana, CogVideoX, or another transformer with a patch_embed"},
	{"adaln_single", "PixArt (one adaptive norm for all blocks)"},
	{"caption_projection", "PixArt (a projection of the caption)"},
	{"controlnet_blocks", "a ControlNet"},
	{"image_proj", "an IP-Adapter"},
	{"joint_blocks", "Stable Diffusion 3 under the names of its single file, which have to be mapped first"},
	{"double_blocks", "Flux (a single file)"},
	{"double_layers", "AuraFlow (a single file)"},
	{"input_blocks", "a UNet (a single file)"},
	{"down_blocks", "a UNet"},
}

// refuse reports transformers whose tensors or settings ask for arithmetic that this package does not have: wrong images would be
// worse.
func (d detector) refuse() {
	for _, f := range foreign {
		if d.Below(f.path) || d.Has(f.path) {
			d.Fail("%s: tensors of %q: this is %s, expected Stable Diffusion 3 or 3.5: %w", d.Origin(""), f.path, f.kind, weights.ErrUnsupported)
			return // the first is the most telling
		}
	}
	class := d.Settings.String("_class_name", "SD3Transformer2DModel")
	if class != "SD3Transformer2DModel" {
		d.Settings.Fail("_class_name", weights.ErrUnsupported, "expected SD3Transformer2DModel")
	}
	for _, name := range d.Names() {
		if strings.Contains(name, ".lora_") {
			d.Fail("%s: tensor %q is of a LoRA, which changes a model: merge it into its weights first: %w", d.Origin(name), name, weights.ErrUnsupported)
			return
		}
	}
}
