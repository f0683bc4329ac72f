package synth

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"

	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
)

// settings is one config file.
type settings map[string]any

// configs are the config files of a diffusers folder by their paths in it: what diffusers and transformers need to build the networks.
func (p plan) configs() map[string]settings {
	all := map[string]settings{"vae/config.json": p.vaeConfig(), "model_index.json": p.index(), "scheduler/scheduler_config.json": p.schedulerConfig()}
	if p.sizes.unet != nil {
		all["unet/config.json"] = p.unetConfig()
	} else {
		all["transformer/config.json"] = p.mmditConfig()
	}
	for i, t := range p.family.Text {
		layers := p.sizes.text[i].layers - (t.SingleSkip - t.Skip)
		all[t.Folder+"/config.json"] = p.sizes.text[i].config(p.textClass(i), layers)
	}
	return all
}

// textClass is the class of text encoder i: those whose pooled text is read have a projection.
func (p plan) textClass(i int) string {
	if p.family.Vector != nil && (p.family.Name == "sd3" || i > 0) {
		return "CLIPTextModelWithProjection"
	}
	return "CLIPTextModel"
}

func (p plan) index() settings {
	index := settings{"_class_name": p.family.Pipelines[0], "vae": []string{"diffusers", "AutoencoderKL"}, "scheduler": []string{"diffusers", p.schedulerClass()}}
	if p.sizes.unet != nil {
		index["unet"] = []string{"diffusers", "UNet2DConditionModel"}
	} else {
		index["transformer"] = []string{"diffusers", "SD3Transformer2DModel"}
	}
	for i, t := range p.family.Text {
		index[t.Folder], index[t.Tokenizer] = []string{"transformers", p.textClass(i)}, []string{"transformers", "CLIPTokenizer"}
	}
	absent := []any{nil, nil}
	switch p.family.Name {
	case "sd1", "sd2":
		index["safety_checker"], index["feature_extractor"], index["requires_safety_checker"] = absent, absent, false
	case "sd3":
		index["text_encoder_3"], index["tokenizer_3"] = absent, absent
	}
	return index
}

func (p plan) schedulerClass() string {
	switch {
	case p.sizes.mmdit != nil:
		return "FlowMatchEulerDiscreteScheduler"
	case p.family.Name == "sdxl":
		return "EulerDiscreteScheduler"
	}
	return "DDIMScheduler"
}

func (p plan) schedulerConfig() settings {
	if p.sizes.mmdit != nil {
		return settings{"_class_name": p.schedulerClass(), "num_train_timesteps": 1000, "shift": 3.0}
	}
	b := sampling.StableDiffusion1()
	s := settings{
		"_class_name": p.schedulerClass(), "beta_schedule": b.Schedule, "beta_start": b.Start, "beta_end": b.End, "num_train_timesteps": b.Timesteps,
		"prediction_type": string(p.variant.prediction), "steps_offset": 1, "timestep_spacing": "leading",
	}
	if p.schedulerClass() == "DDIMScheduler" {
		s["clip_sample"], s["set_alpha_to_one"] = false, false
	}
	return s
}

func (p plan) unetConfig() settings {
	u := p.sizes.unet
	n := len(u.channels)
	down, up := make([]string, n), make([]string, n)
	heads, depth := make([]int64, n), make([]int, n)
	for i, channels := range u.channels {
		down[i], up[n-1-i], depth[i] = "DownBlock2D", "UpBlock2D", max(u.depth[i], 1)
		if u.depth[i] > 0 {
			down[i], up[n-1-i] = "CrossAttnDownBlock2D", "CrossAttnUpBlock2D"
		}
		heads[i] = 8
		if u.linear {
			heads[i] = max(channels/64, 1)
		}
	}
	c := settings{
		"_class_name": "UNet2DConditionModel", "sample_size": p.side(), "in_channels": unetLatent, "out_channels": unetLatent,
		"block_out_channels": u.channels, "layers_per_block": unetResnets, "down_block_types": down, "up_block_types": up,
		"mid_block_type": "UNetMidBlock2DCrossAttn", "transformer_layers_per_block": depth, "attention_head_dim": heads, "cross_attention_dim": u.context,
		"use_linear_projection": u.linear, "act_fn": "silu", "norm_num_groups": 32, "norm_eps": 1e-5, "flip_sin_to_cos": true, "freq_shift": 0,
		"center_input_sample": false, "downsample_padding": 1, "mid_block_scale_factor": 1,
	}
	if p.family.Name == "sd2" && !p.Small { // by its width the single file of a full model is told to need it
		c["upcast_attention"] = true
	}
	if u.vector > 0 {
		pooled := p.sizes.text[len(p.sizes.text)-1].width
		c["addition_embed_type"], c["addition_time_embed_dim"], c["projection_class_embeddings_input_dim"] = "text_time", (u.vector-pooled)/6, u.vector
	}
	return c
}

func (p plan) mmditConfig() settings {
	m := p.sizes.mmdit
	dual := make([]int, m.dual)
	for i := range dual {
		dual[i] = i
	}
	c := settings{
		"_class_name": "SD3Transformer2DModel", "sample_size": p.side(), "in_channels": mmditLatent, "out_channels": mmditLatent, "patch_size": mmditPatch,
		"num_layers": m.blocks, "attention_head_dim": mmditHead, "num_attention_heads": m.width / mmditHead, "caption_projection_dim": m.width,
		"joint_attention_dim": m.context, "pooled_projection_dim": m.vector, "pos_embed_max_size": m.positions, "dual_attention_layers": dual, "qk_norm": nil,
	}
	if m.norms {
		c["qk_norm"] = "rms_norm"
	}
	return c
}

func (p plan) vaeConfig() settings {
	v := p.sizes.vae
	n := len(v.channels)
	c := settings{
		"_class_name": "AutoencoderKL", "in_channels": 3, "out_channels": 3, "latent_channels": v.latent, "block_out_channels": v.channels,
		"layers_per_block": vaeResnets, "down_block_types": slices.Repeat([]string{"DownEncoderBlock2D"}, n), "up_block_types": slices.Repeat([]string{"UpDecoderBlock2D"}, n),
		"act_fn": "silu", "norm_num_groups": 32, "sample_size": 8 * p.side(), "scaling_factor": p.family.Scaling, "force_upcast": true,
		"use_quant_conv": v.quant, "use_post_quant_conv": v.quant,
	}
	if p.family.Shift != 0 {
		c["shift_factor"] = p.family.Shift
	}
	return c
}

// config has the activation that single files are told to have by their width.
func (s textSize) config(class string, layers int) settings {
	activation := "quick_gelu"
	if s.width == 1024 || s.width == 1280 {
		activation = "gelu"
	}
	return settings{
		"architectures": []string{class}, "model_type": "clip_text_model", "vocab_size": textVocabulary, "hidden_size": s.width, "intermediate_size": 4 * s.width,
		"num_hidden_layers": layers, "num_attention_heads": max(s.width/64, 1), "max_position_embeddings": textPositions, "hidden_act": activation,
		"layer_norm_eps": 1e-5, "projection_dim": s.width, "bos_token_id": textVocabulary - 2, "eos_token_id": textVocabulary - 1, "pad_token_id": 1,
	}
}

// writeTokenizer writes OpenAI's tokenizer, which pads with the end of text or with token 0, "!".
func writeTokenizer(dir string, padZero bool) error {
	vocabulary, merges, err := clip.OpenAIFiles()
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	const end = "<|endoftext|>"
	special := settings{"bos_token": "<|startoftext|>", "eos_token": end, "unk_token": end, "pad_token": end}
	if padZero {
		special["pad_token"] = "!"
	}
	about := settings{"tokenizer_class": "CLIPTokenizer", "model_max_length": textPositions, "do_lower_case": true}
	for name, value := range special {
		about[name] = value
	}
	for name, data := range map[string][]byte{"vocab.json": vocabulary, "merges.txt": merges} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	if err := writeJSON(filepath.Join(dir, "special_tokens_map.json"), special); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, "tokenizer_config.json"), about)
}

func writeJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
