package unet

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// levels builds what is common to Stable Diffusion 1 and 2.
func levels(heads ...int64) []Level {
	return []Level{
		{Channels: 320, Down: []int{1, 1}, Up: []int{1, 1, 1}, Heads: heads[0]},
		{Channels: 640, Down: []int{1, 1}, Up: []int{1, 1, 1}, Heads: heads[1]},
		{Channels: 1280, Down: []int{1, 1}, Up: []int{1, 1, 1}, Heads: heads[2]},
		{Channels: 1280, Down: []int{0, 0}, Up: []int{0, 0, 0}, Heads: heads[3]},
	}
}

func TestConfigIsDetectedFromShapes(t *testing.T) {
	sd15 := Config{
		InChannels: 4, OutChannels: 4, TimeWidth: 1280, Context: 768, MidResnets: 2, MidDepth: 1,
		Levels: levels(8, 8, 8, 8), Groups: 32, Eps: 1e-5, CosineFirst: true,
	}
	sd21 := sd15
	sd21.Context, sd21.Linear, sd21.Upcast, sd21.Levels = 1024, true, true, levels(5, 10, 20, 20)
	sdxl := Config{
		InChannels: 4, OutChannels: 4, TimeWidth: 1280, Context: 2048, Vector: 2816, MidResnets: 2, MidDepth: 10, Linear: true,
		Levels: []Level{
			{Channels: 320, Down: []int{0, 0}, Up: []int{0, 0, 0}, Heads: 5},
			{Channels: 640, Down: []int{2, 2}, Up: []int{2, 2, 2}, Heads: 10},
			{Channels: 1280, Down: []int{10, 10}, Up: []int{10, 10, 10}, Heads: 20},
		},
		Groups: 32, Eps: 1e-5, CosineFirst: true,
	}
	for _, c := range []struct {
		name, shapes, json string
		want               Config
	}{
		{"SD1.5 without config.json", "sd15-unet", `{}`, sd15},
		{"SD1.5 with heads as one number", "sd15-unet", `{"attention_head_dim": 8, "num_attention_heads": null}`, sd15},
		{"SD2.1 without config.json", "sd21-unet", `{}`, sd21},
		{"SD2.1 with heads as a list", "sd21-unet", `{"attention_head_dim": [5, 10, 20, 20], "upcast_attention": true}`, sd21},
		{"SD2.0, whose folder does not say that it has to be upcast", "sd21-unet", `{"upcast_attention": false}`, sd21},
		{"SDXL without config.json", "sdxl-unet", `{}`, sdxl},
		{"SDXL with config.json", "sdxl-unet", `{"attention_head_dim": [5, 10, 20], "addition_embed_type": "text_time", "class_embed_type": null, "upcast_attention": null}`, sdxl},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ConfigFromWeights(fixture.ReadShapes(t, c.shapes), fixture.Settings(t, c.json))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			if want := int64(1) << (len(c.want.Levels) - 1); got.Factor() != want {
				t.Errorf("factor %d, want %d", got.Factor(), want)
			}
		})
	}
}

// Every tensor of the real models is asked for, with its real shape, and no other: loading fails for want of data only.
func TestEveryTensorOfStableDiffusionHasItsPlace(t *testing.T) {
	torchtest.Require(t)
	for _, name := range []string{"sd15-unet", "sd21-unet", "sdxl-unet"} {
		t.Run(name, func(t *testing.T) {
			src := fixture.ReadShapes(t, name)
			cfg, err := ConfigFromWeights(src, nil)
			if err != nil {
				t.Fatal(err)
			}
			p := weights.NewParams(src, torch.Float32, torch.CPU)
			_, err = New(p, cfg)
			fixture.Whole(t, p, err)
		})
	}
}

func TestConfigMistakes(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(fixture.Shapes)
		json   string
		want   []string
	}{
		{"two tensors are missing", func(s fixture.Shapes) { delete(s, "conv_in.weight"); delete(s, "conv_out.weight") }, `{}`,
			[]string{`"conv_in.weight": missing`, `"conv_out.weight": missing`}},
		{"SDXL's refiner", func(s fixture.Shapes) { s["add_embedding.linear_1.weight"] = []int64{1280, 2560} }, `{}`, []string{"refiner", "unsupported"}},
		{"another added conditioning", func(s fixture.Shapes) { s["add_embedding.pool.positional_embedding"] = []int64{1, 768} }, `{}`,
			[]string{"add_embedding.pool.positional_embedding", "DeepFloyd IF", "unsupported"}},
		{"added image conditioning", func(s fixture.Shapes) { s["add_embedding.image_proj.weight"] = []int64{1280, 768} }, `{}`, []string{"image_proj", "Kandinsky"}},
		{"an IP-Adapter", func(s fixture.Shapes) { s["image_proj.proj.weight"] = []int64{1280, 768} }, `{}`, []string{"IP-Adapter"}},
		{"classes", func(s fixture.Shapes) { s["class_embedding.weight"] = []int64{1000, 1280} }, `{}`, []string{"class-conditioned"}},
		{"LCM", func(s fixture.Shapes) { s["time_embedding.cond_proj.weight"] = []int64{320, 256} }, `{}`, []string{"LCM"}},
		{"settings of other conditionings", func(fixture.Shapes) {}, `{"addition_embed_type": "image", "class_embed_type": "identity", "encoder_hid_dim_type": "text_proj"}`,
			[]string{"addition_embed_type is image", "class_embed_type is identity", "encoder_hid_dim_type is text_proj"}},
		{"a residual block is missing", func(s fixture.Shapes) {
			for name := range s {
				if strings.HasPrefix(name, "up_blocks.1.resnets.2.") {
					delete(s, name)
				}
			}
		}, `{}`, []string{"2 residual blocks in down_blocks.2 and 2 in up_blocks.1"}},
		{"a level is missing", func(s fixture.Shapes) {
			for name := range s {
				if strings.HasPrefix(name, "up_blocks.3.") {
					delete(s, name)
				}
			}
		}, `{}`, []string{"4 down_blocks and 3 up_blocks"}},
		{"heads do not divide", func(fixture.Shapes) {}, `{"attention_head_dim": 7}`, []string{"level 0 has 320 channels", "level 2 has 1280 channels", "attention_head_dim"}},
		{"too few heads", func(fixture.Shapes) {}, `{"attention_head_dim": [5, 10]}`, []string{"one whole number or 4"}},
		{"several settings", func(fixture.Shapes) {}, `{"act_fn": "mish", "resnet_time_scale_shift": "scale_shift", "only_cross_attention": true, "norm_eps": "small"}`,
			[]string{"act_fn", "scale_shift", "only_cross_attention", "norm_eps"}},
		{"a dimension short", func(s fixture.Shapes) { s["conv_in.weight"] = []int64{320, 4} }, `{}`, []string{"[320 4]", "expected 4 dimensions"}},
		{"empty", func(s fixture.Shapes) { clear(s) }, `{}`, []string{"0 down_blocks"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := fixture.ReadShapes(t, "sd15-unet")
			c.change(src)
			_, err := ConfigFromWeights(src, fixture.Settings(t, c.json))
			fixture.Mentions(t, err, c.want...)
		})
	}
}

func TestUnCLIPIsRefused(t *testing.T) {
	src := fixture.ReadShapes(t, "sd21-unet")
	src["add_embedding.linear_1.weight"] = []int64{1280, 2048}
	if _, err := ConfigFromWeights(src, nil); !errors.Is(err, weights.ErrUnsupported) || !strings.Contains(err.Error(), "unCLIP") {
		t.Errorf("got %v", err)
	}
}

func TestMissingAndMisshapenTensorsAreAllReported(t *testing.T) {
	torchtest.Require(t)
	src := fixture.ReadShapes(t, "sd15-unet")
	cfg, err := ConfigFromWeights(src, nil)
	if err != nil {
		t.Fatal(err)
	}
	delete(src, "mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight")
	delete(src, "up_blocks.3.resnets.2.conv_shortcut.bias")
	src["down_blocks.1.resnets.0.time_emb_proj.weight"] = []int64{640, 1281}
	src["lora.up"] = []int64{4}
	_, err = New(weights.NewParams(src, torch.Float32, torch.CPU), cfg)
	for _, want := range []string{"attn1.to_q.weight", "conv_shortcut.bias", "[640 1281], expected [640 1280]"} {
		if !strings.Contains(fixture.Messages(err), want) {
			t.Errorf("error does not have %q", want)
		}
	}
	if !errors.Is(err, weights.ErrMissing) || !errors.Is(err, weights.ErrShape) {
		t.Error("error is neither ErrMissing nor ErrShape")
	}
}
