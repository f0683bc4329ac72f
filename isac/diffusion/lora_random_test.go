package diffusion

import (
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestLoRAsOfAnyShape reads files with tensors of all names in random shapes: each is an error, or a model that runs.
func TestLoRAsOfAnyShape(t *testing.T) {
	torchtest.Require(t)
	p, f := load(t, fixture.Dir("tiny"), LoadOptions{}), fixture.Open(t, "lora")
	random := rand.New(rand.NewPCG(1, 2))
	layers := []struct {
		name  string
		shape []int64
	}{
		{"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q", []int64{8, 8}}, {"lora_unet_mid_block_resnets_0_conv1", []int64{16, 16, 3, 3}},
		{"lora_unet_mid_block_attentions_0_proj_in", []int64{16, 16, 1, 1}}, {"lora_unet_mid_block_attentions_0_norm", []int64{16}},
		{"unet.conv_in", []int64{8, 4, 3, 3}}, {"lora_te_text_model_encoder_layers_0_mlp_fc1", []int64{64, 32}},
	}
	kinds := [][]string{
		{".lora_up.weight", ".lora_down.weight", ".lora_mid.weight", ".alpha", ".dora_scale"}, {".lora_A.weight", ".lora_B.weight"},
		{".hada_w1_a", ".hada_w1_b", ".hada_w2_a", ".hada_w2_b", ".hada_t1", ".hada_t2", ".alpha"},
		{".lokr_w1", ".lokr_w2", ".lokr_w1_a", ".lokr_w1_b", ".lokr_w2_a", ".lokr_w2_b", ".lokr_t2"}, {".diff", ".diff_b", ".w_norm", ".dora_scale"},
	}
	sides := []int64{0, 1, 2, 3, 4, 8, 16, 16, 36, 64}
	path, ran := filepath.Join(t.TempDir(), "random.safetensors"), 0
	for range 200 {
		fixture.InScope(t, func() {
			layer, kind := layers[random.IntN(len(layers))], kinds[random.IntN(len(kinds))]
			var entries []weights.Entry
			for _, ending := range kind {
				if random.IntN(4) == 0 {
					continue
				}
				shape := make([]int64, random.IntN(5))
				for i := range shape {
					shape[i] = sides[random.IntN(len(sides))]
				}
				if random.IntN(8) > 0 { // often enough one that fits
					out, in := layer.shape[0], int64(1)
					for _, n := range layer.shape[1:] {
						in *= n
					}
					fit := map[string][][]int64{
						"_a": {{out, 1}, {2, 1}}, "_b": {{1, in}, {1, in / 2}}, "up.weight": {{out, 1}, {out, 1, 1, 1}}, "lora_B.weight": {{out, 1}},
						"wn.weight": {{1, in}, append([]int64{1}, layer.shape[1:]...)}, "lora_A.weight": {{1, in}}, "w1": {{2, 1}, {2, 2}}, "w2": {{out / 2, in}, {out / 2, in / 2}},
						"alpha": {{}, {1}}, "diff": {layer.shape}, "_norm": {layer.shape}, "iff_b": {{out}}, "scale": {{out, 1}, {1, out}},
					}
					for _, end := range slices.Sorted(maps.Keys(fit)) {
						if shapes := fit[end]; strings.HasSuffix(ending, end) {
							shape = shapes[random.IntN(len(shapes))]
						}
					}
				}
				entries = append(entries, weights.FromTensor(layer.name+ending, torch.Full(shape, 0.01, torch.Float32, torch.CPU)))
			}
			if err := weights.Write(path, entries, nil); err != nil {
				t.Fatal(err)
			}
			other, notes, err := p.WithLoRA(LoRA{Path: path, Denoiser: 1, Text: 1})
			if err != nil {
				return
			}
			defer other.Close()
			predicted(t, other, f, "tiny")
			c, err := other.EncodePrompt("a cat")
			if err != nil {
				t.Fatalf("%v with notes %q", err, notes)
			}
			c.Close()
			ran++
		})
	}
	if ran < 20 {
		t.Errorf("only %d of 200 files were LoRAs of the model: the shapes are too random", ran)
	}
	t.Logf("%d of 200 files were LoRAs of the model", ran)
}
