package nodes

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// TestTiledEqualsComfyUI compares what both nodes make with ComfyUI's, and what they say of themselves.
func TestTiledEqualsComfyUI(t *testing.T) {
	testdata := filepath.Join("..", "isac", "diffusion", "testdata")
	h := newHost(t, filepath.Join(testdata, "tiny-sd2"))
	vae := h.run("CheckpointLoaderSimple", map[string]any{"ckpt_name": "tiny-sd2"}).Values[2]
	file, err := weights.Open(filepath.Join(testdata, "tiled", "fixture.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s := &stock{t: t, file: file}
	var pixels *Image
	var latent *Latent
	do(t, h, func() { pixels, latent = newImage(s.tensor("pixels")), newLatent(s.tensor("latent"), 2) })
	defer pixels.Close()
	defer latent.Close()
	with := func(size, overlap int, more map[string]any) map[string]any {
		more["vae"], more["tile_size"], more["overlap"], more["temporal_size"], more["temporal_overlap"] = vae, size, overlap, 64, 8
		return more
	}
	for _, c := range [][2]int{{64, 8}, {64, 32}, {96, 0}} {
		made := h.run("VAEDecodeTiled", with(c[0], c[1], map[string]any{"samples": latent})).Values[0].(*Image)
		name := fmt.Sprintf("decoded.%d.%d", c[0], c[1])
		do(t, h, func() { s.near(name, name, made.Pixels, 1e-5) })
	}
	for _, c := range [][2]int{{64, 16}, {64, 0}} {
		made := h.run("VAEEncodeTiled", with(c[0], c[1], map[string]any{"pixels": pixels})).Values[0].(*Latent)
		name := fmt.Sprintf("encoded.%d.%d", c[0], c[1])
		do(t, h, func() { s.near(name, name, made.Samples, 1e-5) })
	}
	if _, err := h.try(t.Context(), "VAEEncodeTiled", with(64, 32, map[string]any{"pixels": pixels})); err == nil || !strings.Contains(err.Error(), "overlap smaller") {
		t.Errorf("tiles that are all overlap: %v", err)
	}
	empty := h.run("EmptyLatentImage", map[string]any{"width": 80, "height": 64, "batch_size": 2}).Values[0]
	made := h.run("VAEDecodeTiled", with(64, 16, map[string]any{"samples": empty})).Values[0].(*Image)
	if shape := made.Pixels.Shape(); !reflect.DeepEqual(shape, []int64{2, 64, 80, 3}) {
		t.Errorf("an empty latent becomes %v", shape)
	}

	compareSchemas(t, filepath.Join(testdata, "tiled", "schemas.json"), nil)
}
