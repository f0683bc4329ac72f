package nodes

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// TestUpscaleNodes makes pictures larger as ComfyUI does, tells how far it is, can be interrupted, and says what it cannot load.
func TestUpscaleNodes(t *testing.T) {
	testdata := filepath.Join("..", "isac", "upscale", "testdata")
	tree := t.TempDir()
	put(t, tree, "checkpoints/put_checkpoints_here", filepath.Join(testdata, "make_upscale.py"))
	put(t, tree, "upscale_models/2x.safetensors", filepath.Join(testdata, "old2.safetensors"))
	put(t, tree, "upscale_models/sub/4x.pth", filepath.Join(testdata, "wrapped.pth"))
	put(t, tree, "upscale_models/vae.safetensors", filepath.Join("..", "isac", "diffusion", "testdata", "tiny", "vae", "diffusion_pytorch_model.safetensors"))
	h := newHost(t, tree)
	file, err := weights.Open(filepath.Join(testdata, "fixture.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s := &stock{t: t, file: file}
	var image, wide *Image
	do(t, h, func() {
		image = newImage(s.tensor("picture").Permute(0, 2, 3, 1).Contiguous())
		wide = newImage(s.tensor("wide").To(torch.Float32).DivScalar(255).Permute(0, 2, 3, 1).Contiguous())
	})
	h.results = append(h.results, Result{Values: []any{image, wide}})
	load := func(name string) any {
		return h.run("UpscaleModelLoader", map[string]any{"model_name": name}).Values[0]
	}
	for name, key := range map[string]string{"2x.safetensors": "old2", "sub/4x.pth": "compact4"} {
		out := h.run("ImageUpscaleWithModel", map[string]any{"upscale_model": load(name), "image": image}).Values[0].(*Image)
		do(t, h, func() { s.near(name, key, out.Pixels.Permute(0, 3, 1, 2), 1e-5) })
	}
	ctx, cancel := context.WithCancel(t.Context())
	var told [][2]int
	h.env.Progress = func(value, max int) {
		told = append(told, [2]int{value, max})
		cancel()
	}
	_, err = h.try(ctx, "ImageUpscaleWithModel", map[string]any{"upscale_model": load("2x.safetensors"), "image": wide})
	if !errors.Is(err, context.Canceled) || len(told) != 1 || told[0] != [2]int{1, 2} {
		t.Errorf("%v after %v", err, told)
	}
	if _, err := h.try(t.Context(), "UpscaleModelLoader", map[string]any{"model_name": "vae.safetensors"}); err == nil || !strings.Contains(err.Error(), "an autoencoder") {
		t.Error(err)
	}
	h.env.MaxMemory = 1 << 20
	if _, err := h.try(t.Context(), "ImageUpscaleWithModel", map[string]any{"upscale_model": load("2x.safetensors"), "image": wide}); err == nil || !strings.Contains(err.Error(), "2 times larger") {
		t.Error(err)
	}
}
