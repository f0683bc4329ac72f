package weights

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
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

func put(t *testing.T, text string, path ...string) {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
