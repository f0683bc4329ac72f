package unet

import (
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// foreign are the tensors by which other kinds of UNet are known, and their names.
var foreign = []struct{ path, kind string }{
	{"class_embedding", "a class-conditioned UNet"},
	{"encoder_hid_proj", "a UNet with projected image conditioning (IP-Adapter, Kandinsky)"},
	{"image_proj", "an IP-Adapter"},
	{"time_embedding.cond_proj", "a guidance-distilled UNet (LCM)"},
	{"position_net", "GLIGEN"},
	{"down_blocks.0.motion_modules", "AnimateDiff"},
}

// added are the tensors of the one form of added conditioning that this package has.
var added = []string{"add_embedding.linear_1.bias", "add_embedding.linear_1.weight", "add_embedding.linear_2.bias", "add_embedding.linear_2.weight"}

// refiner is the width of the vector of SDXL's refiner: pooled text and five numbers, of which one is an aesthetic score.
const refiner = 2560

// refuse reports UNets whose tensors or settings ask for arithmetic that this package does not have: wrong images would be worse.
func (d detector) refuse(cfg Config) {
	unsupported := func(path, kind string) {
		d.Fail("%s: tensors below %q: this is %s: %w", d.Origin(""), path, kind, weights.ErrUnsupported)
	}
	for _, f := range foreign {
		if d.Below(f.path) {
			unsupported(f.path, f.kind)
		}
	}
	other := slices.IndexFunc(d.Names(), func(name string) bool {
		return strings.HasPrefix(name, "add_embedding.") && !slices.Contains(added, name)
	})
	switch {
	case other >= 0:
		d.Fail("%s: tensor %q: this is a UNet with another added conditioning than SDXL's pooled text and sizes (Kandinsky, DeepFloyd IF): %w",
			d.Origin(""), d.Names()[other], weights.ErrUnsupported)
	case cfg.Vector == refiner:
		unsupported("add_embedding", "SDXL's refiner, which does not paint a picture on its own: give the base model")
	case cfg.Vector > 0 && cfg.Context == openCLIPH:
		unsupported("add_embedding", "Stable Diffusion 2 unCLIP (image embedding)")
	}
	for _, only := range [][2]string{
		{"resnet_time_scale_shift", "default"}, {"time_embedding_type", "positional"}, {"attention_type", "default"},
		{"time_embedding_act_fn", ""}, {"timestep_post_act", ""}, {"class_embed_type", ""}, {"encoder_hid_dim_type", ""},
	} {
		if got := d.Settings.String(only[0], only[1]); got != only[1] {
			d.Settings.Fail(only[0], weights.ErrUnsupported, "expected %q", only[1])
		}
	}
	if kind := d.Settings.String("addition_embed_type", ""); kind != "" && kind != "text_time" {
		d.Settings.Fail("addition_embed_type", weights.ErrUnsupported, "expected text_time or none")
	}
	if act := d.Settings.String("act_fn", "silu"); act != "silu" && act != "swish" {
		d.Settings.Fail("act_fn", weights.ErrUnsupported, "expected silu")
	}
	for _, key := range []string{"center_input_sample", "dual_cross_attention", "only_cross_attention", "mid_block_only_cross_attention", "resnet_skip_time_act"} {
		if d.Settings.Bool(key, false) {
			d.Settings.Fail(key, weights.ErrUnsupported, "expected false")
		}
	}
	for _, key := range []string{"mid_block_scale_factor", "resnet_out_scale_factor", "downsample_padding"} {
		if d.Settings.Float(key, 1) != 1 {
			d.Settings.Fail(key, weights.ErrUnsupported, "expected 1")
		}
	}
}
