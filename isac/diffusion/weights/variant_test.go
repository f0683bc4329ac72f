package weights

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

func TestChooseVariant(t *testing.T) {
	const base = "diffusion_pytorch_model"
	for _, c := range []struct {
		files []string
		want  string // "" for none, "error …" for what the error has to say
		index bool
	}{
		{nil, "", false},
		{[]string{base + ".bin", base + "_ema.safetensors", "other.safetensors", base + ".safetensors.json"}, "", false},
		{[]string{base + ".fp16.safetensors", base + ".non_ema.safetensors", base + ".safetensors"}, base + ".safetensors", false},
		{[]string{base + ".fp16.safetensors", base + ".non_ema.safetensors"}, base + ".fp16.safetensors", false},
		{[]string{base + ".bf16.safetensors"}, base + ".bf16.safetensors", false},
		{[]string{base + ".ema.safetensors", base + ".bf16.safetensors"}, "error " + base + ".bf16.safetensors and " + base + ".ema.safetensors", false},
		{[]string{base + "-00001-of-00002.safetensors", base + "-00002-of-00002.safetensors", base + ".safetensors.index.json"}, base + ".safetensors.index.json", true},
		{[]string{base + ".fp16-00001-of-00002.safetensors", base + ".fp16-00002-of-00002.safetensors", base + ".safetensors.index.fp16.json"}, base + ".safetensors.index.fp16.json", true},
		{[]string{base + ".bf16-00001-of-00002.safetensors", base + ".bf16.safetensors.index.json"}, base + ".bf16.safetensors.index.json", true},
		{[]string{base + ".fp16-00001-of-00002.safetensors"}, "", false},
		{[]string{base + ".safetensors.index.json", base + ".safetensors", base + ".fp16.safetensors"}, base + ".safetensors", false},
		{[]string{base + ".safetensors.index.json", base + ".fp16.safetensors"}, base + ".safetensors.index.json", true},
	} {
		dir := t.TempDir()
		for _, f := range c.files {
			put(t, "", dir, f)
		}
		path, index, err := chooseVariant(dir, base)
		if want, ok := strings.CutPrefix(c.want, "error "); ok {
			if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, expected %q", c.files, err, want)
			}
			continue
		}
		if c.want != "" {
			c.want = filepath.Join(dir, c.want)
		}
		if err != nil || path != c.want || index != c.index {
			t.Errorf("%q: %q, index %v, %v, expected %q", c.files, path, index, err, c.want)
		}
	}
	if path, _, err := chooseVariant(filepath.Join(t.TempDir(), "none"), base); path != "" || err != nil {
		t.Errorf("no folder: %q, %v", path, err)
	}
}

// A folder as Stable Diffusion XL's fine-tunes come: half precision alone, the largest part in pieces.
func TestFolderOfVariants(t *testing.T) {
	torchtest.Require(t)
	for _, index := range []string{"diffusion_pytorch_model.safetensors.index.fp16.json", "diffusion_pytorch_model.fp16.safetensors.index.json"} {
		dir := copyModel(t)
		for _, file := range []string{"vae/diffusion_pytorch_model", "text_encoder/model"} {
			if err := os.Rename(filepath.Join(dir, file+".safetensors"), filepath.Join(dir, file+".fp16.safetensors")); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(dir, "unet", "diffusion_pytorch_model.safetensors")
		entries, of := raw(t, path, unchanged), map[string]string{}
		for i, part := range [][]Entry{entries[:len(entries)/2], entries[len(entries)/2:]} {
			name := []string{"diffusion_pytorch_model.fp16-00001-of-00002.safetensors", "diffusion_pytorch_model.fp16-00002-of-00002.safetensors"}[i]
			write(t, filepath.Join(dir, "unet", name), part...)
			for _, e := range part {
				of[e.Name] = name
			}
		}
		remove(t, path)
		text, err := json.Marshal(map[string]any{"weight_map": of})
		if err != nil {
			t.Fatal(err)
		}
		put(t, string(text), dir, "unet", index)
		sameModel(t, openModel(t, dir), openModel(t, tinyFolder))
	}
}
