package clip

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// folderText builds a text encoder of a fixture's folder.
func folderText(t *testing.T, model, part string) *TextModel {
	t.Helper()
	dir := filepath.Join(fixture.Dir(model), part)
	file, settings := fixture.Weights(t, filepath.Join(dir, "model.safetensors"), filepath.Join(dir, "config.json"))
	to := map[string]string{}
	for _, name := range file.Names() { // transformers 5 writes them without "text_model."
		if strings.HasPrefix(name, "text_") {
			to[name] = name
		} else {
			to["text_model."+name] = name
		}
	}
	root := TextRoot(weights.Renamed(file, to))
	return buildText(t, root, settings)
}

func folderTokenizer(t *testing.T, model, part string) *Tokenizer {
	t.Helper()
	tok, err := LoadTokenizerFolder(filepath.Join(fixture.Dir(model), part))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// SDXL's two text encoders: the first pools without a projection, the second with one, and pads with "!".
func TestEncodeEqualsTransformers(t *testing.T) {
	torchtest.Require(t)
	for _, c := range []struct{ part, tokenizer, name string }{
		{"text_encoder", "tokenizer", "text"}, {"text_encoder_2", "tokenizer_2", "text2"},
	} {
		t.Run(c.part, func(t *testing.T) {
			f, m, tok := fixture.Open(t, "tiny-sdxl"), folderText(t, "tiny-sdxl", c.part), folderTokenizer(t, "tiny-sdxl", c.tokenizer)
			fixture.InScope(t, func() {
				ids := f.Tensor(c.name + ".ids")
				for skip := range 3 {
					before := torch.LiveHandles()
					got := m.Encode(ids, tok.EOS, skip)
					if left := torch.LiveHandles() - before; left != 3 {
						t.Errorf("%d tensors were left, want three", left)
					}
					f.Near(fmt.Sprintf("%s.hidden.%d", c.name, skip), got.Hidden, 1e-5)
					f.Near(fmt.Sprintf("%s.normed.%d", c.name, skip), got.Normed, 1e-5)
					f.Near(c.name+".pooled", got.Pooled, 1e-5)
				}
				fixture.Near(t, "Forward", m.Forward(ids), m.Encode(ids, tok.EOS, 0).Normed, 0)
				all := m.Encode(ids, tok.EOS, m.Config.Layers)
				fixture.Near(t, "no layer", all.Hidden, m.embed(ids), 0)
			})
		})
	}
}

func TestFolderOfStableDiffusion2EqualsTransformers(t *testing.T) {
	torchtest.Require(t)
	f, m := fixture.Open(t, "tiny-sd2"), folderText(t, "tiny-sd2", "text_encoder")
	fixture.InScope(t, func() { f.Near("folder.normed.0", m.Forward(f.Tensor("text.ids")), 1e-5) })
}

func TestEncodeRefuses(t *testing.T) {
	torchtest.Require(t)
	m := folderText(t, "tiny-sdxl", "text_encoder_2")
	for _, c := range []struct {
		ids  []int64
		skip int
		want string
	}{
		{[]int64{1, 2, 534}, 5, "5 layers to skip, expected 0 to 4"},
		{[]int64{1, 2, 534}, -1, "-1 layers to skip"},
		{[]int64{1, 2, 3}, 1, "text 1 has no token 534"},
	} {
		err := torch.InScope(func() error {
			m.Encode(torch.FromInt64s(c.ids, 1, int64(len(c.ids))), 534, c.skip)
			return nil
		})
		var e *torch.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, expected %q", err, c.want)
		}
	}
}

func TestActivationByWidth(t *testing.T) {
	for shapes, want := range map[string]string{"sd15-text": "quick_gelu", "sd21-text": "gelu"} {
		cfg, err := TextConfigFromWeights(fixture.ReadShapes(t, shapes), nil)
		if err != nil || cfg.Activation != want || cfg.Projection != 0 {
			t.Errorf("%s: %+v, %v, expected %s", shapes, cfg, err, want)
		}
	}
	want := TextConfig{Vocab: 49408, Positions: 77, Width: 1280, Hidden: 5120, Layers: 32, Projection: 1280, Heads: 20, Activation: "gelu", Eps: 1e-5}
	root := TextRoot(fixture.ReadShapes(t, "sdxl-text2"))
	got, err := TextConfigFromWeights(root, nil)
	if err != nil || got != want {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	torchtest.Require(t)
	p := weights.NewParams(root, torch.Float32, torch.CPU)
	_, err = NewTextModel(p, got)
	fixture.Whole(t, p, err)
}

// The same ids as transformers', with each tokenizer's padding.
func TestLoadTokenizerFolder(t *testing.T) {
	torchtest.Require(t)
	for _, c := range []struct{ model, part, ids string }{
		{"tiny-sdxl", "tokenizer", "text.ids"}, {"tiny-sdxl", "tokenizer_2", "text2.ids"}, {"tiny-sd2", "tokenizer", "text.ids"},
	} {
		f, tok := fixture.Open(t, c.model), folderTokenizer(t, c.model, c.part)
		fixture.InScope(t, func() {
			var got []int64
			for _, text := range []string{f.About.Prompt, f.About.Negative} {
				got = append(got, tok.Encode(text, 24).IDs...)
			}
			if want := f.Tensor(c.ids).Int64s(); !slices.Equal(got, want) {
				t.Errorf("%s/%s: %v, expected %v", c.model, c.part, got, want)
			}
		})
	}
	own := folderTokenizer(t, "tiny-sdxl", "tokenizer")
	if other := own.WithPad(0); other.Pad != 0 || own.Pad != own.EOS || other.Encode("cat", 9).IDs[8] != 0 {
		t.Errorf("pad %d, and %d of the one that it was made of", other.Pad, own.Pad)
	}
}

func TestLoadTokenizerOf(t *testing.T) {
	model := fixture.Dir("tiny-sd2")
	for _, path := range []string{model, filepath.Join(model, "single.safetensors")} {
		tok, err := LoadTokenizerOf(path)
		if err != nil || tok.Pad != 0 || tok.Vocabulary() != 535 {
			t.Errorf("%s: %v", path, err)
		}
	}
	bare := filepath.Join(t.TempDir(), "model.safetensors")
	if err := os.WriteFile(bare, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if tok, err := LoadTokenizerOf(bare); err != nil || tok.Vocabulary() != 49408 {
		t.Errorf("a single file without a tokenizer: %v", err)
	}
	if _, err := LoadTokenizerOf(filepath.Join(model, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no model: %v", err)
	}
	broken := t.TempDir()
	if err := os.CopyFS(filepath.Join(broken, "tokenizer"), os.DirFS(filepath.Join(model, "tokenizer"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(broken, "tokenizer", "vocab.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadTokenizerOf(broken); !errors.Is(err, weights.ErrMissing) {
		t.Errorf("a broken tokenizer: %v", err)
	}
}

func TestLoadTokenizerFolderRefuses(t *testing.T) {
	vocab, err := json.Marshal(map[string]int{startOfText: 0, endOfText: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		files map[string]string
		kind  error
		want  string
	}{
		{nil, weights.ErrMissing, "neither vocab.json and merges.txt nor tokenizer.json"},
		{map[string]string{"vocab.json": "{}"}, weights.ErrMissing, "only one of"},
		{map[string]string{"vocab.json": "{}", "merges.txt": ""}, weights.ErrConfig, "startoftext"},
		{map[string]string{"vocab.json": string(vocab), "merges.txt": "", "tokenizer_config.json": `{"pad_token": "!"}`}, weights.ErrConfig, `pad_token "!"`},
		{map[string]string{"vocab.json": string(vocab), "merges.txt": "", "tokenizer_config.json": `{`}, weights.ErrConfig, "tokenizer_config.json"},
	} {
		dir := t.TempDir()
		for name, text := range c.files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		_, err := LoadTokenizerFolder(dir)
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, expected %q", c.files, err, c.want)
		}
	}
}
