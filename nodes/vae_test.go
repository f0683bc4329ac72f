package nodes

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// TestEncodingEqualsComfyUI compares encoded pictures, of a size that does not fit, and those with a hole, with ComfyUI's.
func TestEncodingEqualsComfyUI(t *testing.T) {
	testdata := filepath.Join("..", "isac", "diffusion", "testdata")
	h := newHost(t, filepath.Join(testdata, "tiny-sd2"))
	vae := h.run("CheckpointLoaderSimple", map[string]any{"ckpt_name": "tiny-sd2"}).Values[2]
	file, err := weights.Open(filepath.Join(testdata, "stock", "fixture.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s := &stock{t: t, file: file}
	var pixels *Image
	var hole *Mask
	do(t, h, func() { pixels, hole = newImage(s.tensor("vae.pixels")), newMask(s.tensor("vae.hole")) })
	defer pixels.Close()
	defer hole.Close()
	encoded := h.run("VAEEncode", map[string]any{"pixels": pixels, "vae": vae}).Values[0].(*Latent)
	do(t, h, func() { s.near("encoded", "vae.encoded", encoded.Samples, 1e-4) })
	for _, grow := range []int{0, 1, 3, 6} {
		made := h.run("VAEEncodeForInpaint", map[string]any{"pixels": pixels, "vae": vae, "mask": hole, "grow_mask_by": grow}).Values[0].(*Latent)
		do(t, h, func() {
			name := fmt.Sprintf("vae.inpaint.%d", grow)
			s.near(name, name, made.Samples, 1e-4)
			s.near(name+".mask", name+".mask", made.Mask.Unsqueeze(1), 0)
		})
	}
}

// TestVAELoader loads an autoencoder from files of its own, under both kinds of names, and decodes with it as the checkpoint's does.
func TestVAELoader(t *testing.T) {
	model := filepath.Join("..", "isac", "diffusion", "testdata", "tiny-sd2")
	folder := t.TempDir()
	checkpoints := filepath.Join(folder, "checkpoints")
	put(t, folder, "checkpoints/vae/inner.safetensors", filepath.Join(model, "vae/diffusion_pytorch_model.safetensors"))
	put(t, folder, "checkpoints/vae/inner.json", filepath.Join(model, "vae/config.json"))
	put(t, folder, "vae/sub/first.safetensors", filepath.Join(model, "single.safetensors"))
	put(t, folder, "vae/sub/first.json", filepath.Join(model, "vae/config.json"))
	put(t, folder, "vae/text.safetensors", filepath.Join(model, "text_encoder/model.safetensors"))
	h := newHost(t, filepath.Join(model), checkpoints)
	node, _ := h.registry.Get("VAELoader")
	if names := node.Info(h.env).Required[0].Choices; !slices.Equal(names, []string{"inner.safetensors", "sub/first.safetensors", "text.safetensors"}) {
		t.Fatalf("the autoencoders are %q", names)
	}
	var samples *Latent
	do(t, h, func() {
		g := torch.NewGenerator(3)
		defer g.Close()
		samples = newLatent(g.Randn(1, 4, 6, 5), 2)
	})
	defer samples.Close()
	decode := func(vae any) []float32 {
		return valuesOf(t, h, h.run("VAEDecode", map[string]any{"samples": samples, "vae": vae}).Values[0].(*Image).Pixels)
	}
	want := decode(h.run("CheckpointLoaderSimple", map[string]any{"ckpt_name": "tiny-sd2"}).Values[2])
	for _, name := range []string{"inner.safetensors", "sub/first.safetensors"} {
		if got := decode(h.run("VAELoader", map[string]any{"vae_name": name}).Values[0]); !slices.Equal(got, want) {
			t.Errorf("%s decodes otherwise than the checkpoint's", name)
		}
	}
	if _, err := h.try(t.Context(), "VAELoader", map[string]any{"vae_name": "text.safetensors"}); err == nil || !strings.Contains(err.Error(), "holds no autoencoder") {
		t.Errorf("a text encoder: %v", err)
	}
	if _, err := h.try(t.Context(), "VAELoader", map[string]any{"vae_name": "../checkpoints/vae/inner.safetensors"}); err == nil {
		t.Error("a path that leads out was taken")
	}
}
