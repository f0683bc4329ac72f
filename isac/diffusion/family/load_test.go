package family

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// loadFiles loads a model for one test.
func loadFiles(t *testing.T, f *Files, dtype torch.DType) *Model {
	t.Helper()
	var m *Model
	err := torch.InScope(func() (err error) {
		m, err = Load(f, dtype, torch.CPU)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// TestSingleFilesEncodeAsFolders holds that a tiny model's single file is of its folder's family, and makes the same conditioning; and
// that what no config.json tells is the family's. The tiny networks are too narrow for the usual norms, so these settings are the folder's.
func TestSingleFilesEncodeAsFolders(t *testing.T) {
	torchtest.Require(t)
	for name, published := range map[string]struct { // vae/config.json and the side of native images / 8 of the real models
		scaling, shift float64
		side           int64
	}{"sd2": {0.18215, 0, 96}, "sdxl": {0.13025, 0, 128}, "sd3": {1.5305, 0.0609, 128}} {
		folder := openModel(t, fixture.Dir("tiny-"+name))
		single := openModel(t, filepath.Join(fixture.Dir("tiny-"+name), "single.safetensors"))
		single.Config = folder.Config
		single.Config.VAE, single.Config.Denoiser, single.Config.Scheduler = maps.Clone(folder.Config.VAE), maps.Clone(folder.Config.Denoiser), nil
		for _, key := range []string{"scaling_factor", "shift_factor"} {
			delete(single.Config.VAE, key)
		}
		delete(single.Config.Denoiser, "sample_size")
		want, got := loadFiles(t, folder, torch.Float32), loadFiles(t, single, torch.Float32)
		if got.Family.Name != name || want.Family.Name != name {
			t.Errorf("tiny-%s is taken for %s, its folder for %s", name, got.Family.Name, want.Family.Name)
		}
		if c := got.VAE.Config; c.Scaling != published.scaling || c.Shift != published.shift || got.Size != published.side {
			t.Errorf("%s: scaling %v, shift %v, side %d; want %+v", name, c.Scaling, c.Shift, got.Size, published)
		}
		if flow, is := got.Noise.(*sampling.Flow); is != (name == "sd3") || is && flow.Shift != 3 {
			t.Errorf("%s: noise %+v", name, got.Noise)
		}
		fixture.InScope(t, func() {
			text, pooled := encodeTexts(want, "a cat and two dogs")
			alike, also := encodeTexts(got, "a cat and two dogs")
			fixture.Near(t, name+": text", alike, text, 1e-5)
			if pooled.Defined() != also.Defined() {
				t.Errorf("%s: pooled text %v, of the folder %v", name, also.Defined(), pooled.Defined())
			} else if pooled.Defined() {
				fixture.Near(t, name+": pooled text", also, pooled, 1e-5)
			}
		})
	}
}

// TestATextForEachEncoder holds that each encoder reads its own text, which is one for all where there is one, in chunks of its own length.
func TestATextForEachEncoder(t *testing.T) {
	torchtest.Require(t)
	m := loadFiles(t, openModel(t, fixture.Dir("tiny-sdxl")), torch.Float32)
	first := m.Text[0].Model.Config.Width
	fixture.InScope(t, func() {
		both, pooled := encodeTexts(m, "a cat", "two dogs")
		cat, _ := encodeTexts(m, "a cat")
		dogs, pooledDogs := encodeTexts(m, "two dogs")
		rest := both.Size(2) - first
		fixture.Near(t, "the first encoder's", both.Narrow(2, 0, first), cat.Narrow(2, 0, first), 0)
		fixture.Near(t, "the second encoder's", both.Narrow(2, first, rest), dogs.Narrow(2, first, rest), 0)
		fixture.Near(t, "the pooled text", pooled, pooledDogs, 0)
		if slices.Equal(cat.Narrow(2, first, rest).Float64s(), dogs.Narrow(2, first, rest).Float64s()) {
			t.Error("two texts give one state")
		}
	})
	fixture.InScope(t, func() { // ComfyUI's node gives the encoder of the shorter text empty chunks
		long := strings.Repeat("a cat ", 30)
		whole, _ := encodeTexts(m, long)
		one, _ := encodeTexts(m, long, "")
		empty, _ := encodeTexts(m, "")
		if one.Size(1) != whole.Size(1) || one.Size(1) < 2*empty.Size(1) {
			t.Fatalf("%d positions where the first text has %d", one.Size(1), whole.Size(1))
		}
		rest, last := one.Size(2)-first, one.Size(1)-empty.Size(1)
		fixture.Near(t, "an empty chunk", one.Narrow(1, last, empty.Size(1)).Narrow(2, first, rest), empty.Narrow(2, first, rest), 1e-5)
	})
	for i := range m.Text { // each encoder's chunks are as long as its positions
		positions := &m.Text[i].Model.Config.Positions
		*positions += 10
		for j, p := range m.Prompts(clip.Embeddings{}, "a cat") {
			if want := m.Text[j].Model.Config.Positions; len(p.Rows[0]) != int(want) {
				t.Errorf("encoder %d reads %d tokens at once, want %d", j, len(p.Rows[0]), want)
			}
		}
		*positions -= 10
	}
}

// encodeTexts encodes without embeddings.
func encodeTexts(m *Model, texts ...string) (text, pooled torch.Tensor) {
	text, pooled, _ = m.Encode(context.Background(), m.Prompts(clip.Embeddings{}, texts...), 0)
	return text, pooled
}

// TestLoadReadsConfigs holds what config.json tells that shapes cannot, and what the autoencoder computes in.
func TestLoadReadsConfigs(t *testing.T) {
	torchtest.Require(t)
	f := openModel(t, tinyFolder)
	f.Config.Denoiser["sample_size"] = []any{8.0, 12.0}
	f.Config.VAE["scaling_factor"] = 0.25
	for dtype, vae := range map[torch.DType]torch.DType{torch.Float32: torch.Float32, torch.Float16: torch.Float32, torch.BFloat16: torch.BFloat16} {
		m := loadFiles(t, f, dtype)
		if m.Size != 12 || m.VAE.Config.Scaling != 0.25 || m.VAE.DType() != vae || m.Denoiser.DType() != dtype {
			t.Errorf("%s: side %d, scaling %v, an autoencoder in %s and a denoiser in %s", dtype, m.Size, m.VAE.Config.Scaling, m.VAE.DType(), m.Denoiser.DType())
		}
	}
	delete(f.Config.VAE, "scaling_factor")
	delete(f.Config.Denoiser, "sample_size")
	if m := loadFiles(t, f, torch.Float32); m.VAE.Config.Scaling != 0.18215 || m.Size != 64 {
		t.Errorf("scaling %v, side %d, want Stable Diffusion 1's", m.VAE.Config.Scaling, m.Size)
	}
}

// TestNetworksThatDoNotFit holds that parts of different models are told apart by their widths.
func TestNetworksThatDoNotFit(t *testing.T) {
	torchtest.Require(t)
	m := loadFiles(t, openModel(t, fixture.Dir("tiny-sdxl")), torch.Float32)
	sound := m.Shape
	for want, change := range map[string]func(*Shape){
		"reads conditioning of width 39 and the text encoders make width 40": func(s *Shape) { s.Context-- },
		"reads conditioning of width 41 and the text encoders make width 40": func(s *Shape) { s.Context++ },
		"reads a vector of width 67":                                         func(s *Shape) { s.Vector-- },
		"reads a vector of width 69":                                         func(s *Shape) { s.Vector++ },
		"takes 9 channels and gives 4":                                       func(s *Shape) { s.In = 9 },
		"takes 4 channels and gives 8":                                       func(s *Shape) { s.Out = 8 },
	} {
		m.Shape = sound
		change(&m.Shape)
		if err := m.fit(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, expected %q", err, want)
		}
	}
	if m.Shape = sound; m.fit() != nil {
		t.Error(m.fit())
	}

	// A UNet that gives twice as many channels as it takes is refused when it is loaded.
	dir := copyModel(t)
	path := filepath.Join(dir, "unet", "diffusion_pytorch_model.safetensors")
	entries := raw(t, path, unchanged)
	for i, e := range entries {
		if strings.HasPrefix(e.Name, "conv_out.") {
			entries[i].Shape = append([]int64{2 * e.Shape[0]}, e.Shape[1:]...)
			entries[i].Data = slices.Concat(e.Data, e.Data)
		}
	}
	write(t, path, entries...)
	files := openModel(t, dir)
	delete(files.Config.Denoiser, "out_channels")
	err := torch.InScope(func() error {
		_, err := Load(files, torch.Float32, torch.CPU)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "takes 4 channels and gives 8 where the autoencoder has 4") {
		t.Errorf("a UNet of 8 channels gives %v", err)
	}
}

// TestPadding holds which encoders are padded with token 0, "!", where no tokenizer comes with the model: OpenCLIP's. Others are padded
// with the end of text, 49407.
func TestPadding(t *testing.T) {
	for name, pads := range map[string][]int64{"sd1": {49407}, "sd2": {0}, "sdxl": {49407, 0}, "sd3": {49407, 0}} {
		f, err := Named(name)
		if err != nil {
			t.Fatal(err)
		}
		files := &Files{Family: f, Tokenizers: make([]weights.TokenizerFiles, len(f.Text))}
		for i, pad := range pads {
			tokenizer, err := files.tokenizer(i, clip.TextConfig{Vocab: 49408})
			if err != nil {
				t.Fatal(err)
			}
			if ids := tokenizer.Encode("a cat", 77).IDs; ids[76] != pad || ids[3] != 49407 {
				t.Errorf("%s: encoder %d is padded to %v", name, i, ids)
			}
		}
	}
}

// TestConfigOfEachEncoder holds that each text encoder has its own config.json, and none where there is none.
func TestConfigOfEachEncoder(t *testing.T) {
	f := &Files{}
	if f.textConfig(0) != nil {
		t.Error("a single file has a config")
	}
	f.Config.Text = []map[string]any{{"hidden_act": "quick_gelu"}, {"hidden_act": "gelu"}}
	for i, want := range []string{"quick_gelu", "gelu"} {
		if got := f.textConfig(i)["hidden_act"]; got != want {
			t.Errorf("encoder %d has %v, want %s", i, got, want)
		}
	}
}
