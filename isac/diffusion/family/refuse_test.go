package family

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

func TestFolderRefuses(t *testing.T) {
	index := func(dir, text string) {
		remove(t, dir, "unet", "diffusion_pytorch_model.safetensors")
		put(t, text, dir, "unet", "diffusion_pytorch_model.safetensors.index.json")
	}
	for _, c := range []struct {
		name   string
		kind   error
		want   []string
		change func(dir string)
	}{
		{"weights and a tokenizer file are missing", weights.ErrMissing, []string{"unet has no diffusion_pytorch_model.safetensors", "text_encoder has no model.safetensors", "only one of vocab.json and merges.txt"}, func(dir string) {
			remove(t, dir, "unet")
			remove(t, dir, "text_encoder", "model.safetensors")
			remove(t, dir, "tokenizer", "merges.txt")
		}},
		{"pickled weights that are none", weights.ErrFormat, []string{"model.bin", "too few"}, func(dir string) {
			remove(t, dir, "text_encoder", "model.safetensors")
			put(t, "x", dir, "text_encoder", "model.bin")
		}},
		{"truncated weights", weights.ErrFormat, []string{"truncated"}, func(dir string) {
			if err := os.Truncate(filepath.Join(dir, "vae", "diffusion_pytorch_model.safetensors"), 9000); err != nil {
				t.Fatal(err)
			}
		}},
		{"another kind of .bin", weights.ErrUnsupported, []string{"has only training_args.bin, expected model.safetensors or pytorch_model.bin"}, func(dir string) {
			remove(t, dir, "text_encoder", "model.safetensors")
			put(t, "x", dir, "text_encoder", "training_args.bin")
		}},
		{"a class of other parts", weights.ErrUnsupported, []string{"holds a KolorsPipeline"}, func(dir string) {
			put(t, `{"_class_name":"KolorsPipeline"}`, dir, "model_index.json")
			addClass(t, dir, "unet", `"_class_name":"UNet2DConditionModel"`)
			addClass(t, dir, "vae", `"_class_name":"AutoencoderKL"`)
			put(t, `{"architectures":["ChatGLMModel"]}`, dir, "text_encoder", "config.json")
		}},
		{"broken config", weights.ErrConfig, []string{"unet/config.json", "scheduler_config.json"}, func(dir string) {
			put(t, "{", dir, "unet", "config.json")
			put(t, "[]", dir, "scheduler", "scheduler_config.json")
		}},
		{"another pipeline", weights.ErrUnsupported, []string{"holds a FluxPipeline", "StableDiffusionXLPipeline"}, func(dir string) {
			put(t, `{"_class_name":"FluxPipeline"}`, dir, "model_index.json")
		}},
		{"another family's class", weights.ErrMissing, []string{"text_encoder_2 has no model.safetensors"}, func(dir string) {
			put(t, `{"_class_name":"StableDiffusionXLPipeline"}`, dir, "model_index.json")
		}},
		{"inpainting", weights.ErrUnsupported, []string{"text-to-image"}, func(dir string) {
			put(t, `{"_class_name":"StableDiffusionInpaintPipeline"}`, dir, "model_index.json")
		}},
		{"no model at all", weights.ErrMissing, []string{"neither model_index.json nor unet/"}, func(dir string) {
			remove(t, dir, "model_index.json")
			remove(t, dir, "unet")
		}},
		{"shard outside the folder", weights.ErrConfig, []string{"outside the folder"}, func(dir string) {
			index(dir, `{"weight_map":{"a":"../vae/diffusion_pytorch_model.safetensors"}}`)
		}},
		{"shard that is missing", os.ErrNotExist, []string{"gone.safetensors"}, func(dir string) { index(dir, `{"weight_map":{"a":"gone.safetensors"}}`) }},
		{"tensor that is in no shard", weights.ErrMissing, []string{`"b" is not in s.safetensors`}, func(dir string) {
			write(t, filepath.Join(dir, "unet", "s.safetensors"), weights.Entry{Name: "a", DType: weights.U8, Shape: []int64{1}, Data: []byte{1}})
			index(dir, `{"weight_map":{"a":"s.safetensors","b":"s.safetensors"}}`)
		}},
		{"empty index", weights.ErrConfig, []string{"no weight_map"}, func(dir string) { index(dir, `{}`) }},
	} {
		dir := copyModel(t)
		c.change(dir)
		m, err := Open(dir)
		if err == nil {
			m.Close()
			t.Errorf("%s: opened", c.name)
			continue
		}
		if !errors.Is(err, c.kind) {
			t.Errorf("%s: %v, expected %v", c.name, err, c.kind)
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, expected %q", c.name, err, want)
			}
		}
	}
}

// Files of other kinds are known by their tensors' names and refused by the name of their kind.
func TestSingleFileRefuses(t *testing.T) {
	dir := t.TempDir()
	one := func(name string, shape ...int64) []weights.Entry {
		size := int64(1)
		for _, n := range shape {
			size *= n
		}
		return []weights.Entry{{Name: name, DType: weights.U8, Shape: shape, Data: make([]byte, size)}}
	}
	first := "model.diffusion_model.input_blocks.0.0.weight"
	without := func(prefix string) []weights.Entry {
		return raw(t, tinyFile, func(name string) string {
			if strings.HasPrefix(name, prefix) {
				return ""
			}
			return name
		})
	}
	for _, c := range []struct {
		want    string
		kind    error
		entries []weights.Entry
	}{
		{"Stable Diffusion 3 and 3.5 and has no VAE (first_stage_model.*) and no text encoder clip_l", weights.ErrMissing, one("model.diffusion_model.joint_blocks.0.context_block.adaLN_modulation.1.bias", 1)},
		{"Stable Diffusion 3's transformer alone", weights.ErrUnsupported, one("joint_blocks.0.x_block.attn.qkv.weight", 1)},
		{"Flux", weights.ErrUnsupported, one("double_blocks.0.img_attn.qkv.weight", 1)},
		{"Flux", weights.ErrUnsupported, one("model.diffusion_model.double_blocks.0.img_attn.qkv.weight", 1)},
		{"Chroma", weights.ErrUnsupported, append(one("double_blocks.0.img_attn.qkv.weight", 1), one("distilled_guidance_layer.norms.0.scale", 1)...)},
		{"HunyuanVideo", weights.ErrUnsupported, one("model.diffusion_model.txt_in.individual_token_refiner.blocks.0.norm1.weight", 1)},
		{"AuraFlow", weights.ErrUnsupported, one("model.double_layers.0.attn.w1q.weight", 1)},
		{"Stable Cascade", weights.ErrUnsupported, one("clf.1.weight", 1)},
		{"Lumina 2", weights.ErrUnsupported, one("model.diffusion_model.cap_embedder.1.weight", 1)},
		{"Wan", weights.ErrUnsupported, one("head.modulation", 1)},
		{"Qwen-Image", weights.ErrUnsupported, one("txt_norm.weight", 1)},
		{"LTX-Video", weights.ErrUnsupported, append(one("adaln_single.emb.timestep_embedder.linear_1.bias", 1), one("patchify_proj.bias", 1)...)},
		{"Stable Video Diffusion", weights.ErrUnsupported, append(one("model.diffusion_model.input_blocks.1.0.time_stack.emb_layers.1.bias", 1), one(first, 8, 8, 3, 3)...)},
		{"EDM (Playground 2.5, CosXL)", weights.ErrUnsupported, append(one("edm_mean", 1), one(first, 8, 4, 3, 3)...)},
		{"a UNet alone", weights.ErrUnsupported, one("input_blocks.0.0.weight", 8, 4, 3, 3)},
		{"a LoRA", weights.ErrUnsupported, one("transformer.transformer_blocks.0.attn.to_q.lora_A.weight", 1)},
		{"a LoRA", weights.ErrUnsupported, one("unet.down_blocks.0.attentions.0.proj_in.hada_w1_a", 1)},
		{"an IP-Adapter", weights.ErrUnsupported, one("image_proj.proj.weight", 1)},
		{"a T2I-Adapter", weights.ErrUnsupported, one("adapter.conv_in.weight", 1)},
		{"AnimateDiff", weights.ErrUnsupported, one("down_blocks.0.motion_modules.0.temporal_transformer.norm.bias", 1)},
		{"a textual inversion", weights.ErrUnsupported, one("<cat>", 1, 768)},
		{"the moving average", weights.ErrUnsupported, one("model_ema.diffusion_modelinput_blocks00weight", 1)},
		{"a textual inversion", weights.ErrUnsupported, one("emb_params", 1)},
		{"an upscaler", weights.ErrUnsupported, one("conv_first.weight", 1)},
		{"a T5 text encoder alone", weights.ErrUnsupported, one("encoder.block.0.layer.0.SelfAttention.q.weight", 1)},
		{"a CLIP image encoder alone", weights.ErrUnsupported, one("vision_model.post_layernorm.bias", 1)},
		{"Stable Diffusion XL and has no VAE (first_stage_model.*) and no first text encoder", weights.ErrMissing, append(one("conditioner.embedders.1.model.ln_final.weight", 1), one(first, 8, 4, 3, 3)...)},
		{"Stable Diffusion XL", weights.ErrMissing, one("model.diffusion_model.label_emb.0.0.weight", 1)},
		{"refiner", weights.ErrUnsupported, one("conditioner.embedders.0.model.ln_final.weight", 1)},
		{"Stable Diffusion 2.x and has no UNet", weights.ErrMissing, one("cond_stage_model.model.transformer.resblocks.0.ln_1.weight", 1)},
		{"Stable Diffusion 2.x and has no VAE", weights.ErrMissing, append(one("model.diffusion_model.input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight", 2, 1024), one(first, 8, 4, 3, 3)...)},
		{"PixArt", weights.ErrUnsupported, one("blocks.0.cross_attn.q_linear.weight", 1)},
		{"a LoRA", weights.ErrUnsupported, one("lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight", 1)},
		{"a LoRA", weights.ErrUnsupported, one("lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight", 1)},
		{"Stable Diffusion 1.x and has no VAE", weights.ErrMissing, append(one("model.diffusion_model.input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight", 7), one(first, 8, 4, 3, 3)...)},
		{"a ControlNet", weights.ErrUnsupported, one("control_model.zero_convs.0.0.weight", 1)},
		{"give the folder", weights.ErrUnsupported, one("down_blocks.0.resnets.0.conv1.weight", 1)},
		{"a text encoder alone", weights.ErrUnsupported, one("text_model.final_layer_norm.weight", 1)},
		{"an autoencoder alone", weights.ErrUnsupported, one("encoder.conv_in.weight", 1)},
		{"inpainting or editing", weights.ErrUnsupported, one(first, 8, 9, 3, 3)},
		{"no Stable Diffusion checkpoint", weights.ErrUnsupported, one("bert.embeddings", 1)},
		{"no VAE (first_stage_model.*)", weights.ErrMissing, without("first_stage_model.")},
		{"no VAE (first_stage_model.*) and no text encoder", weights.ErrMissing, one(first, 8, 4, 3, 3)},
	} {
		path := filepath.Join(dir, "model.safetensors")
		write(t, path, c.entries...)
		m, err := Open(path)
		if err == nil {
			m.Close()
		}
		if err == nil || !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, expected %q", err, c.want)
		}
	}
	put(t, "PK\x03\x04 and so on, a zip", dir, "model.ckpt")
	if _, err := Open(filepath.Join(dir, "model.ckpt")); !errors.Is(err, weights.ErrFormat) || !strings.Contains(err.Error(), "it is truncated") {
		t.Errorf("%v", err)
	}
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
