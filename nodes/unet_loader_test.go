package nodes

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// separateHost has the parts of a tiny model of SDXL, and of one of Stable Diffusion 1, in files of their own.
func separateHost(t *testing.T) *host {
	t.Helper()
	testdata := filepath.Join("..", "isac", "diffusion", "testdata")
	xl, sd1 := filepath.Join(testdata, "tiny-sdxl"), filepath.Join(testdata, "tiny")
	tree := t.TempDir()
	put(t, tree, "checkpoints/put_checkpoints_here", filepath.Join(testdata, "README.md"))
	for to, from := range map[string]string{
		"unet/xl": filepath.Join(xl, "unet/diffusion_pytorch_model.safetensors"), "diffusion_models/one": filepath.Join(sd1, "unet/diffusion_pytorch_model.safetensors"),
		"text_encoders/xl/l": filepath.Join(xl, "text_encoder/model.safetensors"), "clip/xl/g": filepath.Join(xl, "text_encoder_2/model.safetensors"),
		"text_encoders/l": filepath.Join(sd1, "text_encoder/model.safetensors"), "vae/xl": filepath.Join(xl, "vae/diffusion_pytorch_model.safetensors"),
	} {
		put(t, tree, to+".safetensors", from)
		put(t, tree, to+".json", filepath.Join(filepath.Dir(from), "config.json"))
	}
	for to, from := range map[string]string{
		"text_encoders/xl/tokenizer": filepath.Join(xl, "tokenizer"), "clip/xl/tokenizer_2": filepath.Join(xl, "tokenizer_2"),
		"text_encoders/tokenizer": filepath.Join(sd1, "tokenizer"),
	} {
		files, err := filepath.Glob(filepath.Join(from, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			put(t, tree, filepath.Join(to, filepath.Base(file)), file)
		}
	}
	put(t, tree, "diffusion_models/whole.safetensors", filepath.Join(xl, "single.safetensors"))
	put(t, tree, "diffusion_models/whole.json", filepath.Join(xl, "unet/config.json"))
	put(t, tree, "text_encoders/vae.safetensors", filepath.Join(xl, "vae/diffusion_pytorch_model.safetensors"))
	put(t, tree, "loras/kohya.safetensors", filepath.Join(testdata, "lora", "tiny-kohya.safetensors"))
	err := weights.Write(filepath.Join(tree, "diffusion_models/odd.safetensors"), []weights.Entry{{Name: "double_blocks.0.x", DType: weights.U8, Shape: []int64{1}, Data: []byte{1}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return newHost(t, tree, xl, sd1)
}

// unet loads a diffusion model.
func (h *host) unet(name string) any {
	return h.run("UNETLoader", map[string]any{"unet_name": name, "weight_dtype": "default"}).Values[0]
}

// TestThreeLoaders runs one KSampler with what three loaders give, guided and not, and compares its picture with the whole model's.
func TestThreeLoaders(t *testing.T) {
	h := separateHost(t)
	clip := h.run("DualCLIPLoader", map[string]any{"clip_name1": "xl/g.safetensors", "clip_name2": "xl/l.safetensors", "type": "sdxl"}).Values[0]
	vae := h.run("VAELoader", map[string]any{"vae_name": "xl.safetensors"}).Values[0]
	whole := h.load("tiny-sdxl", catsAndDog)
	encode := func(clip any, text string) any { // with sizes, which go by the autoencoder where none are given
		return h.run("CLIPTextEncodeSDXL", map[string]any{"clip": clip, "width": 64, "height": 64, "crop_w": 0, "crop_h": 0,
			"target_width": 64, "target_height": 64, "text_g": text, "text_l": text}).Values[0]
	}
	latent := h.run("EmptyLatentImage", map[string]any{"width": 64, "height": 64, "batch_size": 1}).Values[0] // 8×8 of the usual autoencoder
	tiny := h.run("EmptyLatentImage", map[string]any{"width": 16, "height": 16, "batch_size": 1}).Values[0]   // 8×8 of the tiny one
	wholeLatent := map[string]any{"latent_image": tiny}
	picture := func(model, clip, vae any, change map[string]any) []byte {
		l := loaded{model: model, positive: encode(clip, catsAndDog), negative: encode(clip, "")}
		return h.pngs(h.run("KSampler", h.sampling(l, change)).Values[0], vae)[0]
	}
	for _, guided := range []bool{false, true} {
		models := []any{whole.model, h.unet("xl.safetensors"), h.unet("whole.safetensors")}
		if guided {
			for i := range models {
				models[i] = h.guided(models[i], map[string]any{"eta": 0.2, "end": 1.0})
			}
		}
		want := picture(models[0], whole.clip, whole.vae, wholeLatent)
		for i, model := range models[1:] {
			if !bytes.Equal(picture(model, clip, vae, map[string]any{"latent_image": latent}), want) {
				t.Errorf("guided %v, file %d: another picture than the whole model's", guided, i)
			}
		}
	}
}

// TestUNETLoader shares what is loaded, reads LoRAs, and says what does not fit and what is no diffusion model.
func TestUNETLoader(t *testing.T) {
	h := separateHost(t)
	load := func(name, dtype string) (Result, error) {
		return h.try(t.Context(), "UNETLoader", map[string]any{"unet_name": name, "weight_dtype": dtype})
	}
	first, err := load("one.safetensors", "default")
	if err != nil {
		t.Fatal(err)
	}
	second, err := load("one.safetensors", "fp8_e4m3fn")
	if err != nil {
		t.Fatal(err)
	}
	if first.Values[0].(*Model).Pipeline() != second.Values[0].(*Model).Pipeline() {
		t.Error("one file is loaded twice")
	}
	if lines, _ := second.UI["text"].([]string); len(lines) != 1 || !strings.Contains(lines[0], "fp8_e4m3fn is not used") || first.UI != nil {
		t.Errorf("shows %q", lines)
	}
	mentions := func(err error, want ...string) {
		t.Helper()
		for _, w := range want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("error %v does not say %q", err, w)
			}
		}
	}
	_, err = load("odd.safetensors", "default")
	mentions(err, `diffusion model "odd.safetensors"`, "Flux")

	clip := h.run("CLIPLoader", map[string]any{"clip_name": "l.safetensors", "type": "stable_diffusion"}).Values[0]
	l := loaded{model: first.Values[0]}
	text := func(clip any, prompt string) any {
		return h.run("CLIPTextEncode", map[string]any{"text": prompt, "clip": clip}).Values[0]
	}
	l.positive, l.negative = text(clip, catsAndDog), text(clip, "")
	latent := h.run("EmptyLatentImage", map[string]any{"width": 64, "height": 64, "batch_size": 1}).Values[0]
	sample := func(l loaded) ([]float32, error) {
		r, err := h.try(t.Context(), "KSampler", h.sampling(l, map[string]any{"latent_image": latent}))
		if err != nil {
			return nil, err
		}
		return r.Values[0].(*Latent).Samples.Float32s(), nil
	}
	plain, err := sample(l)
	if err != nil {
		t.Fatal(err)
	}
	v := h.run("LoraLoader", map[string]any{"model": l.model, "clip": clip, "lora_name": "kohya.safetensors", "strength_model": 1.0, "strength_clip": 1.0}).Values
	changed, err := sample(loaded{model: v[0], positive: text(v[1], catsAndDog), negative: text(v[1], "")})
	if err != nil || changed[0] == plain[0] {
		t.Errorf("with a LoRA: %v", err)
	}
	if notes := v[0].(*Model).Notes(); len(notes) > 1 || len(notes) == 1 && strings.Contains(notes[0], "lora_te") {
		t.Errorf("the model's notes on the LoRA are %q", notes)
	}

	l.model = h.unet("xl.safetensors")
	_, err = sample(l)
	mentions(err, "the positive conditioning", "it is of a CLIP of a model of width 32", "the model is Stable Diffusion XL", "take the CLIP that belongs to the model")
}

// TestCLIPLoaders says which types and files are not read.
func TestCLIPLoaders(t *testing.T) {
	h := separateHost(t)
	for _, c := range []struct {
		class  string
		inputs map[string]any
		want   string
	}{
		{"CLIPLoader", map[string]any{"clip_name": "l.safetensors", "type": "wan"}, "type wan are not supported"},
		{"CLIPLoader", map[string]any{"clip_name": "l.safetensors", "type": "sd3"}, "Stable Diffusion 3 and 3.5 has 2"},
		{"CLIPLoader", map[string]any{"clip_name": "vae.safetensors", "type": "stable_diffusion"}, "an autoencoder alone"},
		{"DualCLIPLoader", map[string]any{"clip_name1": "l.safetensors", "clip_name2": "l.safetensors", "type": "flux"}, "type flux are not supported"},
		{"TripleCLIPLoader", map[string]any{"clip_name1": "l.safetensors", "clip_name2": "l.safetensors", "clip_name3": "l.safetensors"}, "3 CLIP text encoders"},
	} {
		if _, err := h.try(t.Context(), c.class, c.inputs); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: %v, want %q", c.class, c.inputs, err, c.want)
		}
	}
	if _, err := h.try(t.Context(), "CLIPLoader", map[string]any{"clip_name": "l.safetensors", "type": "stable_diffusion", "device": "cpu"}); err != nil {
		t.Error(err)
	}
}
