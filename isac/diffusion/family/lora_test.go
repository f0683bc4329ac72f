package family

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestReleasedNamesAreSingleFiles holds the names that are made of diffusers' ones against those of real single files, tensor by tensor.
func TestReleasedNamesAreSingleFiles(t *testing.T) {
	for _, c := range []struct {
		family *Family
		list   string
	}{
		{sd1, "../weights/testdata/sd15_ldm.txt"}, {sd2, "../testdata/shapes/sd21-single.txt"}, {sdxl, "../testdata/shapes/sdxl-single.txt"},
		{sd3, "../testdata/shapes/sd3-medium-single.txt"}, {sd3, "../testdata/shapes/sd35-medium-single.txt"},
	} {
		const prefix = "model.diffusion_model."
		below := weights.Prefix(readNames(t, c.list), prefix)
		src := c.family.Denoiser.Single(below)
		released := c.family.Denoiser.Released(src)
		if len(src.Names()) < 600 && c.family != sd3 || len(released) != len(src.Names()) {
			t.Errorf("%s: %d released names of %d", c.list, len(released), len(src.Names()))
		}
		for _, name := range src.Names() {
			want, err := weights.Locate(src, name)
			if err != nil {
				t.Fatal(err)
			}
			if want.Name = strings.TrimPrefix(want.Name, prefix); released[name] != want {
				t.Errorf("%s: %s is %+v, want %+v", c.list, name, released[name], want)
			}
		}
	}
}

// TestLoRANames holds that names of all trainers mean the layer that they are of.
func TestLoRANames(t *testing.T) {
	torchtest.Require(t)
	const q = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
	const out = "mid_block.attentions.0.transformer_blocks.1.attn2.to_out.0"
	const text = "encoder.layers.1.self_attn.q_proj"
	for _, c := range []struct {
		model   string
		network int
		layer   string
		names   []string
	}{
		{"tiny-sdxl", denoiserNetwork, q, []string{
			q, "unet." + q, "unet.base_model.model." + q, "base_model.model." + q, "diffusion_model.input_blocks.3.1.transformer_blocks.0.attn1.to_q",
			"model.diffusion_model.input_blocks.3.1.transformer_blocks.0.attn1.to_q", "lora_unet_input_blocks_3_1_transformer_blocks_0_attn1_to_q",
			"lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q", "lycoris_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q",
			"unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.processor.to_q", "down_blocks.1.attentions.0.transformer_blocks.0.attn1.processor.to_q",
		}},
		{"tiny-sdxl", denoiserNetwork, out, []string{
			"unet." + out, "unet." + strings.TrimSuffix(out, ".0"), "lora_unet_mid_block_attentions_0_transformer_blocks_1_attn2_to_out_0",
			"lora_unet_middle_block_1_transformer_blocks_1_attn2_to_out_0", "unet.mid_block.attentions.0.transformer_blocks.1.attn2.processor.to_out",
		}},
		{"tiny-sdxl", 0, text, []string{
			"lora_te1_text_model_encoder_layers_1_self_attn_q_proj", "lora_te_text_model_encoder_layers_1_self_attn_q_proj",
			"text_encoder.text_model." + text, "text_encoder." + text, "text_encoders.clip_l.transformer.text_model." + text,
		}},
		{"tiny-sdxl", 1, text, []string{"lora_te2_text_model_encoder_layers_1_self_attn_q_proj", "text_encoder_2.text_model." + text,
			"text_encoders.clip_g.transformer.text_model." + text}},
		{"tiny-sdxl", 1, "text_projection", []string{"lora_te2_text_projection"}},
		{"tiny-sd2", 0, text, []string{"lora_te_text_model_encoder_layers_1_self_attn_q_proj", "text_encoders.clip_h.transformer.text_model." + text}},
		{"tiny-sd3", denoiserNetwork, "transformer_blocks.1.attn.to_out.0", []string{
			"transformer.transformer_blocks.1.attn.to_out.0", "base_model.model.transformer_blocks.1.attn.to_out.0",
			"transformer.base_model.model.transformer_blocks.1.attn.to_out.0", "lora_transformer_transformer_blocks_1_attn_to_out_0",
			"lycoris_transformer_blocks_1_attn_to_out_0", "lora_unet_joint_blocks_1_x_block_attn_proj", "diffusion_model.joint_blocks.1.x_block.attn.proj",
		}},
	} {
		m := loadFiles(t, openModel(t, fixture.Dir(c.model)), torch.Float32)
		layers := m.loraLayers()
		for _, name := range c.names {
			if got := layers[name]; len(got) != 1 || got[0].network != c.network || got[0].layer != c.layer {
				t.Errorf("%s: %s means %+v, want %s of network %d", c.model, name, got, c.layer, c.network)
			}
		}
	}
	m := loadFiles(t, openModel(t, fixture.Dir("tiny-sd3")), torch.Float32)
	fused := m.loraLayers()["lora_unet_joint_blocks_0_x_block_attn_qkv"]
	if len(fused) != 3 || fused[0].piece.Parts != 3 {
		t.Errorf("queries, keys and values in one are %+v", fused)
	}
}

// pairOf is a LoRA's two matrices of ones for a layer.
func pairOf(layer string, out, rank, in int64) []weights.Entry {
	ones := func(name string, shape ...int64) weights.Entry {
		return weights.FromTensor(name, torch.Full(shape, 0.1, torch.Float32, torch.CPU))
	}
	return []weights.Entry{ones(layer+".lora_up.weight", out, rank), ones(layer+".lora_down.weight", rank, in)}
}

// TestLoRAsThatDoNotFit refuses what is no LoRA, or one of another model, with what it is; what one model's LoRA has and the model does
// not is named.
func TestLoRAsThatDoNotFit(t *testing.T) {
	torchtest.Require(t)
	const q = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
	const k2 = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
	dir := t.TempDir()
	for name, c := range map[string]struct {
		make  func() []weights.Entry
		notes []string
		says  []string
		is    error
	}{
		"flux": {func() []weights.Entry { return pairOf("lora_unet_double_blocks_0_img_attn_qkv", 12, 2, 4) }, nil,
			[]string{"it is for Flux", "Stable Diffusion 1.x", "lora_unet_double_blocks_0_img_attn_qkv"}, weights.ErrUnsupported},
		"sdxl": {func() []weights.Entry { return append(pairOf(q, 64, 2, 64), pairOf(k2, 64, 2, 2048)...) }, nil,
			[]string{"it is for Stable Diffusion XL and not for this model", "0 of its 2 layers fit", "[64 64]"}, weights.ErrShape},
		"sd2": {func() []weights.Entry { return pairOf(k2, 64, 2, 1024) }, nil, []string{"it is for Stable Diffusion 2.x"}, weights.ErrShape},
		"another layer": {func() []weights.Entry {
			return append(pairOf(q, 8, 2, 8), pairOf("lora_te3_encoder_block_0", 8, 2, 8)...)
		},
			[]string{"2 of its 4 tensors", `"lora_te3_encoder_block_0.lora_down.weight"`}, nil, nil},
		"a kind that is not computed": {func() []weights.Entry {
			magnitude := weights.FromTensor("lora_unet_conv_in.lora_magnitude_vector", torch.Ones([]int64{8}, torch.Float32, torch.CPU))
			return append(append(pairOf(q, 8, 2, 8), pairOf("lora_unet_conv_in", 8, 2, 36)...), magnitude)
		}, []string{"3 of its 5 tensors", "lora_magnitude_vector"}, nil, nil},
		"one of another shape": {func() []weights.Entry {
			return append(append(pairOf(q, 8, 2, 8), pairOf("lora_unet_conv_out", 4, 2, 72)...), pairOf("lora_unet_conv_in", 8, 2, 81)...)
		}, []string{"2 of its 6 tensors", "one of another shape", "lora_unet_conv_in.lora_down"}, nil, nil},
		"half a pair":    {func() []weights.Entry { return append(pairOf(q, 8, 2, 8), pairOf(k2, 8, 2, 32)[:1]...) }, []string{"1 of its 3 tensors"}, nil, nil},
		"no common rank": {func() []weights.Entry { return append(pairOf(q, 8, 2, 8)[:1], pairOf(q, 8, 3, 8)[1:]...) }, nil, []string{"no rank in common"}, weights.ErrShape},
		"a unet": {func() []weights.Entry {
			return []weights.Entry{weights.FromTensor("down_blocks.0.resnets.0.conv1.weight", torch.Ones([]int64{1}, torch.Float32, torch.CPU))}
		}, nil, []string{"this is the UNet alone", "give a LoRA"}, weights.ErrUnsupported},
		"a text": {func() []weights.Entry {
			return []weights.Entry{weights.FromTensor("emb_params", torch.Ones([]int64{1}, torch.Float32, torch.CPU))}
		}, nil, []string{"textual inversion"}, weights.ErrUnsupported},
		"something": {func() []weights.Entry {
			return []weights.Entry{weights.FromTensor("something", torch.Ones([]int64{1}, torch.Float32, torch.CPU))}
		}, nil, []string{"none of its 1 tensors is a LoRA's"}, weights.ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			m := loadFiles(t, openModel(t, fixture.Dir("tiny")), torch.Float32)
			path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".safetensors")
			var notes []string
			err := torch.InScope(func() error {
				if err := weights.Write(path, c.make(), nil); err != nil {
					t.Fatal(err)
				}
				f, done, err := OpenLoRA(path)
				if err != nil {
					return err
				}
				defer done()
				var other *Model
				if other, notes, err = m.WithLoRA(f, 1, 1, nil); err == nil {
					other.Close()
				}
				return err
			})
			if c.is == nil && err != nil || c.is != nil && !errors.Is(err, c.is) {
				t.Fatalf("error %v, want %v", err, c.is)
			}
			if err != nil {
				fixture.Mentions(t, err, c.says...)
			}
			if joined := strings.Join(notes, "\n"); (len(c.notes) == 0) != (joined == "") {
				t.Errorf("notes %q", notes)
			} else {
				for _, want := range c.notes {
					if !strings.Contains(joined, want) {
						t.Errorf("notes %q, want %q", notes, want)
					}
				}
			}
		})
	}
	for metadata, want := range map[string]string{
		`{"unet.lora_alpha": 8, "unet.r": 4}`: "alpha 8 at rank 4 of unet", `{"unet.lora_alpha": 4, "unet.r": 4}`: "", `[]`: "", `{"unet.lora_alpha": "8", "unet.r": 0}`: "",
	} {
		path := filepath.Join(t.TempDir(), "headed.safetensors")
		err := torch.InScope(func() error {
			return weights.Write(path, pairOf(q, 8, 4, 8), map[string]string{"lora_adapter_metadata": metadata})
		})
		if err != nil {
			t.Fatal(err)
		}
		f, done, err := OpenLoRA(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Unscaled(); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q", metadata, got)
		}
		done()
	}
	checkpoint := filepath.Join(fixture.Dir("tiny-sdxl"), "single.safetensors")
	_, _, err := OpenLoRA(checkpoint)
	fixture.Mentions(t, err, "a whole checkpoint of Stable Diffusion XL")
}
