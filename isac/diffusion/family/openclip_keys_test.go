package family

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

func openWeights(t *testing.T, path ...string) *weights.File {
	t.Helper()
	f, err := weights.Open(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// sameTensors wants got to have exactly the tensors of want, whose names may lack "text_model.", but for some that only got has.
func sameTensors(t *testing.T, got, want weights.Source, values bool, extra func(name string) bool) {
	t.Helper()
	left := map[string]bool{}
	for _, name := range got.Names() {
		left[name] = true
	}
	for _, plain := range want.Names() {
		name := plain
		if !strings.HasPrefix(name, "text_projection.") {
			name = "text_model." + strings.TrimPrefix(name, "text_model.")
		}
		gs, _ := got.Shape(name)
		ws, _ := want.Shape(plain)
		if !left[name] || !slices.Equal(gs, ws) {
			t.Errorf("%s has shape %v, expected %v", name, gs, ws)
			continue
		}
		delete(left, name)
		if !values {
			continue
		}
		fixture.InScope(t, func() {
			g, err := got.Tensor(name)
			if err != nil {
				t.Fatal(err)
			}
			w, err := want.Tensor(plain)
			if err != nil {
				t.Fatal(err)
			}
			if g.DType() != w.DType() || !slices.Equal(g.Shape(), ws) || !slices.Equal(g.Contiguous().Bytes(), w.Bytes()) {
				t.Errorf("%s has other values", name)
			}
		})
	}
	for name := range left {
		if extra == nil || !extra(name) {
			t.Errorf("%s is left over", name)
		}
	}
}

// dropped is what the folder of Stable Diffusion 2 leaves out: the last layer, which is not read, and the projection.
func dropped(layer string) func(string) bool {
	return func(name string) bool {
		return name == "text_projection.weight" || strings.HasPrefix(name, "text_model.encoder.layers."+layer+".")
	}
}

func TestOpenCLIPNamesOfStableDiffusion(t *testing.T) {
	sd21, sdxl := fixture.ReadShapes(t, "sd21-single"), fixture.ReadShapes(t, "sdxl-single")
	for _, c := range []struct {
		src                    weights.Source
		prefix, folder         string
		stored, mapped, unused int
		extra                  func(string) bool
	}{
		// A layer's 12 tensors become 16; logit_scale is not read.
		{sd21, "cond_stage_model.model.", "sd21-text", 24*12 + 6, 24*16 + 5, 1, dropped("23")},
		{sdxl, "conditioner.embedders.1.model.", "sdxl-text2", 32*12 + 6, 32*16 + 5, 1, nil},
	} {
		stored := weights.Prefix(c.src, c.prefix)
		got := openCLIPText(stored)
		if n, m := len(stored.Names()), len(got.Names()); n != c.stored || m != c.mapped {
			t.Errorf("%s: %d tensors became %d, expected %d and %d", c.folder, n, m, c.stored, c.mapped)
		}
		sameTensors(t, got, fixture.ReadShapes(t, c.folder), false, c.extra)
	}
}

func TestOpenCLIPSingleFileEqualsFolder(t *testing.T) {
	torchtest.Require(t)
	for _, c := range []struct {
		model, prefix, folder string
		extra                 func(string) bool
	}{
		{"tiny-sd2", "cond_stage_model.model.", "text_encoder", dropped("3")},
		{"tiny-sdxl", "conditioner.embedders.1.model.", "text_encoder_2", nil},
	} {
		dir := fixture.Dir(c.model)
		got := openCLIPText(weights.Prefix(openWeights(t, dir, "single.safetensors"), c.prefix))
		sameTensors(t, got, openWeights(t, dir, c.folder, "model.safetensors"), true, c.extra)
	}
}

// The single file of Stable Diffusion 2 has a layer more than its folder: skipping it gives the folder's last state.
func TestStableDiffusion2TextEqualsTransformers(t *testing.T) {
	torchtest.Require(t)
	f := fixture.Open(t, "tiny-sd2")
	src := clip.TextRoot(openCLIPText(weights.Prefix(openWeights(t, f.Dir, "single.safetensors"), "cond_stage_model.model.")))
	cfg, err := clip.TextConfigFromWeights(src, fixture.Settings(t, `{"num_attention_heads": 2, "hidden_act": "gelu"}`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := clip.NewTextModel(weights.NewParams(src, torch.Float32, torch.CPU), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	tok, err := clip.LoadTokenizerFolder(filepath.Join(f.Dir, "tokenizer"))
	if err != nil {
		t.Fatal(err)
	}
	fixture.InScope(t, func() {
		ids := f.Tensor("text.ids")
		for skip, name := range []string{"text.normed.0", "folder.normed.0", "text.normed.2"} {
			f.Near(name, m.Encode(ids, tok.EOS, skip).Normed, 1e-5)
		}
		f.Near("text.pooled", m.Encode(ids, tok.EOS, 1).Pooled, 1e-5)
	})
}
