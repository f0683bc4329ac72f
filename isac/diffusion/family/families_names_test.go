package family

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// Every tensor of the UNet and the autoencoder of the real Stable Diffusion 2.1 and XL, by name and shape, with nothing left over.
// testdata/make_single_lists.py in isac/diffusion took the single files' names from the classes that wrote them.
func TestStableDiffusion2AndXLNames(t *testing.T) {
	for _, c := range []struct {
		single, unet string
		tensors      int
	}{{"sd21-single.txt", "sd21-unet.txt", 686}, {"sdxl-single.txt", "sdxl-unet.txt", 1680}} {
		single := readNames(t, filepath.Join("../testdata/shapes", c.single))
		for _, part := range []struct {
			list, prefix string
			tensors      int
			got          weights.Source
		}{
			{c.unet, "model.diffusion_model.", c.tensors, ldmUNet(weights.Prefix(single, "model.diffusion_model."))},
			{"sd15-vae.txt", "first_stage_model.", 248, ldmVAE(weights.Prefix(single, "first_stage_model."))},
		} {
			want := readNames(t, filepath.Join("../testdata/shapes", part.list))
			if stored := len(weights.Prefix(single, part.prefix).Names()); stored != part.tensors || len(want) != part.tensors {
				t.Errorf("%s: %d tensors below %s, %d in %s, expected %d", c.single, stored, part.prefix, len(want), part.list, part.tensors)
			}
			if !slices.Equal(part.got.Names(), want.Names()) {
				t.Errorf("%s: %s has other names than %s", c.single, part.prefix, part.list)
			}
			for name, shape := range want {
				if got, _ := part.got.Shape(name); !slices.Equal(got, shape) {
					t.Errorf("%s: %s has shape %v, expected %v", c.single, name, got, shape)
				}
			}
		}
	}
}

// SDXL's first text encoder is Stable Diffusion 1's, with the positions' numbers stored beside it, which are not read.
func TestFirstTextEncoderOfXL(t *testing.T) {
	torchtest.Require(t)
	const prefix = "conditioner.embedders.0.transformer."
	got := textNames(weights.Prefix(readNames(t, "../testdata/shapes/sdxl-single.txt"), prefix))
	want := readNames(t, "../testdata/shapes/sd15-text.txt")
	if len(got.Names()) != len(want)+1 || !got.Has("text_model.embeddings.position_ids") {
		t.Errorf("%d tensors, expected %d and position_ids", len(got.Names()), len(want))
	}
	for name, shape := range want {
		full := "text_model." + strings.TrimPrefix(name, "text_model.")
		if s, _ := got.Shape(full); !slices.Equal(s, shape) {
			t.Errorf("%s has shape %v, expected %v", full, s, shape)
		}
	}
	tiny := textNames(weights.Prefix(openWeights(t, "../testdata/tiny-sdxl/single.safetensors"), prefix))
	same(t, "tiny-sdxl text", tiny, textNames(openWeights(t, "../testdata/tiny-sdxl/text_encoder/model.safetensors")))
}

// The tiny models' single files give the very tensors of their folders.
func TestTinySingleFilesEqualFolders(t *testing.T) {
	torchtest.Require(t)
	for _, name := range []string{"tiny-sd2", "tiny-sdxl"} {
		dir := filepath.Join("../testdata", name)
		single := openWeights(t, filepath.Join(dir, "single.safetensors"))
		same(t, name+" unet", ldmUNet(weights.Prefix(single, "model.diffusion_model.")), openWeights(t, filepath.Join(dir, "unet/diffusion_pytorch_model.safetensors")))
		same(t, name+" vae", ldmVAE(weights.Prefix(single, "first_stage_model.")), vaeNames(openWeights(t, filepath.Join(dir, "vae/diffusion_pytorch_model.safetensors"))))
		for _, tensor := range single.Names() {
			known := []string{"model.diffusion_model.", "first_stage_model.", "cond_stage_model.model.", "conditioner.embedders."}
			if !slices.ContainsFunc(known, func(prefix string) bool { return strings.HasPrefix(tensor, prefix) }) {
				t.Errorf("%s: what is %q?", name, tensor)
			}
		}
	}
}
