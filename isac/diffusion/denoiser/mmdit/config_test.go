package mmdit

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

func TestConfigIsDetectedFromShapes(t *testing.T) {
	sd35 := Config{
		InChannels: 16, OutChannels: 16, Patch: 2, Width: 1536, Positions: 384, Context: 4096, Vector: 2048, Frequencies: 256,
		Dual: append(slices.Repeat([]bool{true}, 13), slices.Repeat([]bool{false}, 11)...), QKNorm: true, Heads: 24,
	}
	sd3 := sd35
	sd3.Positions, sd3.QKNorm, sd3.Dual = 192, false, make([]bool, 24)
	twelve := sd3
	twelve.Heads = 12
	for _, c := range []struct {
		name, shapes, json string
		want               Config
	}{
		{"3.5 Medium without config.json", "sd35-medium-transformer", `{}`, sd35},
		{"3.5 Medium with its config.json", "sd35-medium-transformer", `{"num_attention_heads": 24, "attention_head_dim": 64, "qk_norm": "rms_norm"}`, sd35},
		{"3 Medium without config.json", "sd3-medium-transformer", `{}`, sd3},
		{"3 Medium with its config.json", "sd3-medium-transformer", `{"num_attention_heads": 24, "attention_head_dim": 64, "qk_norm": null}`, sd3},
		{"wider heads", "sd3-medium-transformer", `{"attention_head_dim": 128}`, twelve},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ConfigFromWeights(fixture.ReadShapes(t, c.shapes), fixture.Settings(t, c.json))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

// Every tensor of the real models is asked for, with its real shape, and no other: loading fails for want of data only.
func TestEveryTensorOfStableDiffusion3HasItsPlace(t *testing.T) {
	torchtest.Require(t)
	for _, name := range []string{"sd35-medium-transformer", "sd3-medium-transformer"} {
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
	add := func(name string, shape ...int64) func(fixture.Shapes) {
		return func(s fixture.Shapes) { s[name] = shape }
	}
	none := func(fixture.Shapes) {}
	for _, c := range []struct {
		name   string
		change func(fixture.Shapes)
		json   string
		want   []string
	}{
		{"two tensors are missing", func(s fixture.Shapes) { delete(s, "proj_out.weight"); delete(s, "context_embedder.weight") }, `{}`,
			[]string{`"proj_out.weight": missing`, `"context_embedder.weight": missing`}},
		{"Flux", add("single_transformer_blocks.0.proj_mlp.weight", 12288, 3072), `{}`, []string{"Flux", "unsupported"}},
		{"AuraFlow", add("single_transformer_blocks.0.attn.to_q.weight", 3072, 3072), `{}`, []string{"AuraFlow", "unsupported"}},
		{"PixArt", add("adaln_single.linear.weight", 6912, 1152), `{}`, []string{"PixArt", "unsupported"}},
		{"a single file's names", add("joint_blocks.0.x_block.attn.qkv.weight", 4608, 1536), `{}`, []string{"single file", "unsupported"}},
		{"another class", none, `{"_class_name": "FluxTransformer2DModel"}`, []string{"FluxTransformer2DModel", "expected SD3Transformer2DModel"}},
		{"no blocks", func(s fixture.Shapes) {
			maps.DeleteFunc(s, func(name string, _ []int64) bool { return strings.HasPrefix(name, "transformer_blocks.") })
		}, `{}`, []string{"no block transformer_blocks.0"}},
		{"positions of no square", add("pos_embed.pos_embed", 1, 147455, 1536), `{}`, []string{"147455 position embeddings"}},
		{"an odd output", add("proj_out.weight", 63, 1536), `{}`, []string{"63 rows", "the patch's 4"}},
		{"heads that contradict the norms", none, `{"num_attention_heads": 12}`, []string{"num_attention_heads is 12", "have 24"}},
		{"another norm", none, `{"qk_norm": "layer_norm"}`, []string{"qk_norm", "rms_norm"}},
		{"a LoRA beside it", add("transformer_blocks.0.attn.to_q.lora_A.weight", 4, 1536), `{}`, []string{"LoRA"}},
		{"a dimension short", add("context_embedder.weight", 4096), `{}`, []string{"[4096]", "expected 2 dimensions"}},
		{"empty", func(s fixture.Shapes) { clear(s) }, `{}`, []string{"no block transformer_blocks.0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := fixture.ReadShapes(t, "sd35-medium-transformer")
			c.change(src)
			_, err := ConfigFromWeights(src, fixture.Settings(t, c.json))
			fixture.Mentions(t, err, c.want...)
		})
	}
}

func TestMissingAndMisshapenTensorsAreAllReported(t *testing.T) {
	torchtest.Require(t)
	src := fixture.ReadShapes(t, "sd35-medium-transformer")
	cfg, err := ConfigFromWeights(src, nil)
	if err != nil {
		t.Fatal(err)
	}
	delete(src, "transformer_blocks.3.attn.add_k_proj.bias")
	delete(src, "transformer_blocks.12.attn2.to_out.0.weight")
	src["transformer_blocks.23.norm1_context.linear.weight"] = []int64{9216, 1536}
	_, err = New(weights.NewParams(src, torch.Float32, torch.CPU), cfg)
	for _, want := range []string{"attn.add_k_proj.bias", "attn2.to_out.0.weight", "[9216 1536], expected [3072 1536]"} {
		if !strings.Contains(fixture.Messages(err), want) {
			t.Errorf("error does not have %q", want)
		}
	}
	if !errors.Is(err, weights.ErrMissing) || !errors.Is(err, weights.ErrShape) {
		t.Error("error is neither ErrMissing nor ErrShape")
	}
}
