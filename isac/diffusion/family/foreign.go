package family

import (
	"fmt"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// sign is the beginning of a tensor's name by which something is known, and what that is.
type sign struct{ prefix, kind string }

// transformers are other denoisers, under the names that they have in single files, most telling first. A file holds them by
// themselves or below denoiserPrefixes.
var transformers = []sign{
	{"distilled_guidance_layer.", "Chroma"},
	{"txt_in.individual_token_refiner.", "HunyuanVideo"},
	{"latent_in.", "Hunyuan3D"},
	{"double_blocks.", "Flux (double blocks)"},
	{"single_transformer_blocks.", "Flux or AuraFlow (single-stream blocks)"},
	{"double_layers.", "AuraFlow"},
	{"clf.1.", "Stable Cascade"},
	{"mlp_t5.", "Hunyuan-DiT"},
	{"t5_yproj.", "Mochi"},
	{"patchify_proj.", "LTX-Video"},
	{"t_block.", "PixArt"},
	{"blocks.0.cross_attn.q_linear.", "PixArt"},
	{"adaln_single.", "PixArt"},
	{"cap_embedder.", "Lumina 2"},
	{"caption_projection.0.", "HiDream"},
	{"head.modulation", "Wan"},
	{"blocks.block0.", "Cosmos"},
	{"blocks.0.mlp.layer1.", "Cosmos Predict 2"},
	{"time_caption_embed.", "OmniGen 2"},
	{"txt_norm.", "Qwen-Image"},
	{"genre_embedder.", "ACE-Step (music)"},
	{"transformer.rotary_pos_emb.", "Stable Audio"},
	{"input_blocks.1.0.time_stack.", "Stable Video Diffusion"},
	{"input_blocks.1.0.temopral_conv.", "ModelScope's text to video"},
}

var denoiserPrefixes = []string{"", "model.diffusion_model.", "model.model.", "model."}

// incompatible are tensors of checkpoints that are otherwise of a family of the list.
var incompatible = []sign{
	{"conditioner.embedders.0.model.", "SDXL's refiner (one OpenCLIP text encoder), give the base model"},
	{"edm_", "a model with the noise of EDM (Playground 2.5, CosXL)"},
	{"control_model.", "a ControlNet"},
}

// parts are what lies beside checkpoints in model folders and is none.
var parts = []sign{
	{"model_ema.", "the moving average (EMA) of a model in training alone: give a whole checkpoint"},
	{"joint_blocks.", "Stable Diffusion 3's transformer alone (which UNETLoader loads): give a whole checkpoint, or the diffusers folder"},
	{"input_blocks.", "a UNet alone (which UNETLoader loads): give a whole checkpoint"},
	{"controlnet_cond_embedding.", "a ControlNet"},
	{"controlnet_", "a ControlNet"},
	{"input_hint_block.", "a ControlNet"},
	{"zero_convs.", "a ControlNet"},
	{"ip_adapter", "an IP-Adapter"},
	{"image_proj", "an IP-Adapter"},
	{"adapter.", "a T2I-Adapter"},
	{"body.0.in_conv.", "a T2I-Adapter"},
	{"lora_", loraKind},
	{"lycoris_", loraKind},
	{"emb_params", inversion},
	{"string_to_param", inversion},
	{"conv_first.", "an upscaler (ESRGAN)"},
	{"model.0.weight", "an upscaler (ESRGAN)"},
	{"model.layers.", "a language model"},
	{"vision_model.", "a CLIP image encoder alone"},
	{"visual.", "a CLIP image encoder alone"},
	{"encoder.block.", "a T5 text encoder alone"},
	{"text_model.", "a text encoder alone"},
	{"embeddings.token_embedding.", "a text encoder alone"},
	{"transformer.resblocks.", "a text encoder alone (OpenCLIP)"},
	{"first_stage_model.", "an autoencoder alone"},
	{"encoder.conv_in.", "an autoencoder alone"},
	{"decoder.conv_in.", "an autoencoder alone"},
	{"taesd_", "a tiny autoencoder (TAESD) alone"},
	{"down_blocks.", "the UNet alone of a diffusers folder (which UNETLoader loads): give the folder that holds model_index.json"},
	{"transformer_blocks.", "a diffusion transformer alone"},
}

const inversion = "a textual inversion (an embedding), which is named in a prompt"

const loraKind = "a LoRA, which changes a model and is none"

// within are pieces of names by which add-ons are known wherever they hang.
var within = []sign{
	{".lora_", loraKind}, {".hada_", loraKind}, {".lokr_", loraKind}, {".motion_modules.", "AnimateDiff's motion module"},
}

// foreign says what a file with these sorted names is if it is sound and of no family of the list, else "".
func foreign(names []string) string {
	for _, s := range incompatible {
		if hasPrefix(names, s.prefix) {
			return s.kind
		}
	}
	for _, s := range transformers {
		for _, prefix := range denoiserPrefixes {
			if hasPrefix(names, prefix+s.prefix) {
				return s.kind
			}
		}
	}
	return ""
}

// piece says what a file that holds no family's denoiser is, or "".
func piece(names []string) string {
	for _, s := range within {
		for _, name := range names {
			if strings.Contains(name, s.prefix) {
				return s.kind
			}
		}
	}
	for _, s := range parts {
		if hasPrefix(names, s.prefix) {
			return s.kind
		}
	}
	return ""
}

// isInversion tells a textual inversion in diffusers' form: nothing but vectors of a text encoder's width, called as the token is.
func isInversion(src weights.Source) bool {
	names := src.Names()
	for _, name := range names {
		shape, _ := src.Shape(name)
		if n := len(shape); n < 1 || n > 2 || n == 2 && shape[0] > 128 || !slices.Contains([]int64{768, 1024, 1280, 2048}, shape[n-1]) || strings.Contains(name, ".") {
			return false
		}
	}
	return len(names) > 0 && len(names) <= 2
}

// unsupported is the error about a model of this kind.
func unsupported(kind string) error {
	return fmt.Errorf("this is %s; supported are %s: %w", kind, titles(), weights.ErrUnsupported)
}
