package diffusion

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// below writes the tensors of a file whose names begin with prefix, without it.
func below(t *testing.T, from, prefix, to string) {
	t.Helper()
	f, err := weights.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var entries []weights.Entry
	for _, name := range f.Names() {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			data, err := f.Bytes(name)
			if err != nil {
				t.Fatal(err)
			}
			shape, _ := f.Shape(name)
			dtype, _ := f.DType(name)
			entries = append(entries, weights.Entry{Name: rest, DType: dtype, Shape: shape, Data: data})
		}
	}
	if err := weights.Write(to, entries, nil); err != nil {
		t.Fatal(err)
	}
}

// copied copies files into a folder.
func copied(t *testing.T, dir string, names map[string]string) {
	t.Helper()
	for to, from := range names {
		data, err := os.ReadFile(from)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(dir, to)), 0o777)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, to), data, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// separate lays the parts of a tiny model into files of their own, in the layouts that people have.
func separate(t *testing.T, folder string) (dir string, denoisers []string, texts [][]string) {
	t.Helper()
	dir = t.TempDir()
	from := fixture.Dir(folder)
	network := "unet"
	if folder == "tiny-sd3" {
		network = "transformer"
	}
	single, part := filepath.Join(from, "single.safetensors"), filepath.Join(from, network)
	copied(t, dir, map[string]string{
		"diffusers.safetensors": filepath.Join(part, "diffusion_pytorch_model.safetensors"), "diffusers.json": filepath.Join(part, "config.json"),
		"bare.json": filepath.Join(part, "config.json"), "whole.json": filepath.Join(part, "config.json"), "whole.safetensors": single,
		"l.safetensors": filepath.Join(from, "text_encoder", "model.safetensors"), "l.json": filepath.Join(from, "text_encoder", "config.json"),
		"g.safetensors": filepath.Join(from, "text_encoder_2", "model.safetensors"), "g.json": filepath.Join(from, "text_encoder_2", "config.json"),
		"g2.json": filepath.Join(from, "text_encoder_2", "config.json"), "l2.json": filepath.Join(from, "text_encoder", "config.json"),
	})
	for _, tokenizer := range []string{"tokenizer", "tokenizer_2"} {
		files, err := filepath.Glob(filepath.Join(from, tokenizer, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			copied(t, dir, map[string]string{tokenizer + "/" + filepath.Base(file): file})
		}
	}
	below(t, single, "model.diffusion_model.", filepath.Join(dir, "bare.safetensors"))
	l, g := "conditioner.embedders.0.transformer.text_model.", "conditioner.embedders.1.model."
	if folder == "tiny-sd3" {
		l, g = "text_encoders.clip_l.transformer.", "text_encoders.clip_g.transformer."
	}
	below(t, single, l, filepath.Join(dir, "l2.safetensors")) // of SDXL as transformers 5 has it
	below(t, single, g, filepath.Join(dir, "g2.safetensors"))
	at := func(names ...string) []string {
		for i, name := range names {
			names[i] = filepath.Join(dir, name+".safetensors")
		}
		return names
	}
	return dir, at("diffusers", "bare", "whole"), [][]string{at("l", "g"), at("g2", "l2")}
}

// TestPartsEqualDiffusers holds runs of a denoiser and text encoders from files of their own against diffusers' whole pipelines.
func TestPartsEqualDiffusers(t *testing.T) {
	torchtest.Require(t)
	for _, c := range []struct{ folder, kind, sampler, scheduler, want string }{
		{"tiny-sdxl", "sdxl", "euler", "simple", "run.euler"}, {"tiny-sd3", "sd3", "euler", "normal", "run.clip.latent"},
	} {
		_, denoisers, texts := separate(t, c.folder)
		f := fixture.Open(t, c.folder)
		for i, path := range denoisers {
			p, err := LoadDenoiser(path, LoadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			encoder, err := LoadTexts(c.kind, texts[i%len(texts)], LoadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if p.Family().Name != c.kind || p.HasVAE() || encoder.Family().Name != c.kind || p.Factor() != 8 {
				t.Errorf("%s: %s, VAE %v; text of %s", path, p.Family().Name, p.HasVAE(), encoder.Family().Name)
			}
			fixture.InScope(t, func() {
				r := familyRequest(t, encoder, f)
				r.Height, r.Width = int(r.Noise.Size(2))*8, int(r.Noise.Size(3))*8
				if c.folder == "tiny-sd3" && r.Positive.Hidden.Size(2) >= p.model.Shape.Context {
					t.Error("the text encoders' states are as wide as the transformer reads: nothing is filled up")
				}
				r.Sampler, r.Scheduler = c.sampler, c.scheduler
				latent, _, err := p.Sample(context.Background(), r)
				if err != nil {
					t.Fatal(err)
				}
				defer latent.Close()
				fixture.Near(t, path, p.scale(latent), f.Tensor(c.want), 1e-3)
				r.Guidance = guided(encode(t, encoder, scene), func(o *isac.Options) { o.Start, o.End = 0, 1 })
				r.Positive = encode(t, encoder, scene)
				r.Noise = f.Tensor("run.noise")
				steered, reports, err := p.Sample(context.Background(), r)
				if err != nil || len(reports) == 0 || reports[0][0].Moves == 0 {
					t.Fatalf("guided: %v, %v", reports, err)
				}
				steered.Close()
			})
			p.Close()
			encoder.Close()
		}
	}
}

// TestT5IsNoted holds that the third text encoder of Stable Diffusion 3 is taken beside the others and said to be left out.
func TestT5IsNoted(t *testing.T) {
	torchtest.Require(t)
	dir, _, texts := separate(t, "tiny-sd3")
	t5 := filepath.Join(dir, "t5.safetensors")
	err := weights.Write(t5, []weights.Entry{{Name: "encoder.block.0.layer.0.SelfAttention.k.weight", DType: weights.U8, Shape: []int64{1}, Data: []byte{1}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := LoadTexts("sd3", append([]string{t5}, texts[0]...), LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if notes := encode(t, p, "a cat").Notes; len(notes) != 1 || !strings.Contains(notes[0], "T5 text encoder, which is not read yet") {
		t.Errorf("notes %q", notes)
	}
	_, err = LoadTexts("sdxl", []string{t5, texts[0][0]}, LoadOptions{})
	fixture.Mentions(t, err, "T5 text encoder", "type sdxl")
}

// TestPartsThatDoNotFit names what does not belong together.
func TestPartsThatDoNotFit(t *testing.T) {
	torchtest.Require(t)
	dir, denoisers, texts := separate(t, "tiny-sdxl")
	copied(t, dir, map[string]string{"lora.safetensors": filepath.Join(fixture.Dir("lora"), "tiny-kohya.safetensors")})
	for _, c := range []struct {
		kind  string
		paths []string
		want  []string
	}{
		{"flux", texts[0], []string{"type flux", "stable_diffusion, sdxl or sd3"}},
		{"sdxl", texts[0][:1], []string{"1 CLIP text encoders", "Stable Diffusion XL has 2", "DualCLIPLoader"}},
		{"stable_diffusion", texts[0], []string{"2 CLIP text encoders", "Stable Diffusion 1.x has 1", "CLIPLoader"}},
		{"sdxl", []string{denoisers[2], filepath.Join(dir, "lora.safetensors")}, []string{"a whole checkpoint of Stable Diffusion XL", "a LoRA"}},
	} {
		_, err := LoadTexts(c.kind, c.paths, LoadOptions{})
		fixture.Mentions(t, err, c.want...)
		if !errors.Is(err, weights.ErrUnsupported) && !errors.Is(err, weights.ErrMissing) {
			t.Errorf("%v is of no kind", err)
		}
	}
	for path, want := range map[string]string{texts[0][0]: "a text encoder", filepath.Join(dir, "lora.safetensors"): "a LoRA"} {
		_, err := LoadDenoiser(path, LoadOptions{})
		fixture.Mentions(t, err, want)
	}
}
