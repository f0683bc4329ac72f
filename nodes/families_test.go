package nodes

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
)

var familyFolders = map[string]string{
	"sd2": "tiny-sd2", "sdxl": "tiny-sdxl", "sd3": "tiny-sd3",
}

func familyHost(t *testing.T) *host {
	var folders []string
	for _, folder := range familyFolders {
		folders = append(folders, filepath.Join("..", "isac", "diffusion", "testdata", folder))
	}
	return newHost(t, folders...)
}

// TestEveryFamilyIsSampledAndGuided runs a guided workflow of stock nodes on each family: loader, texts, sampler, decoder, masks.
func TestEveryFamilyIsSampledAndGuided(t *testing.T) {
	h := familyHost(t)
	for family, name := range familyFolders {
		t.Run(family, func(t *testing.T) {
			l := h.load(name, catsAndDog)
			if got := l.model.(*Model).Pipeline().Family().Name; got != family {
				t.Fatalf("%s is taken for %s", name, got)
			}
			empty := map[string]any{"latent_image": h.run("EmptySD3LatentImage", map[string]any{"width": 32, "height": 32, "batch_size": 1}).Values[0]}
			plain := h.run("KSampler", h.sampling(l, empty)).Values[0]
			l.model = h.guided(l.model, map[string]any{"eta": 0.2, "end": 1.0})
			result := h.run("KSampler", h.sampling(l, empty))
			if text, _ := result.UI["text"].([]string); len(text) == 0 || !strings.Contains(strings.Join(text, "\n"), "cat=2, dog=1") {
				t.Errorf("shows %v", result.UI)
			}
			latent := result.Values[0].(*Latent)
			if r := latent.Reports[0][0]; r.Skipped != "" || len(r.Masks) != 3 {
				t.Errorf("%d masks, skipped %q", len(r.Masks), r.Skipped)
			}
			if bytes.Equal(h.pngs(plain, l.vae)[0], h.pngs(latent, l.vae)[0]) {
				t.Error("guidance changed nothing")
			}
		})
	}
}

// TestTextsOfSDXL holds that both texts and the sizes matter, that the sizes of a whole picture are those that CLIPTextEncode stands
// for, and that other families are refused.
func TestTextsOfSDXL(t *testing.T) {
	h := familyHost(t)
	l := h.load(familyFolders["sdxl"], catsAndDog)
	empty := h.run("EmptyLatentImage", map[string]any{"width": 32, "height": 16, "batch_size": 1}).Values[0]
	encode := func(change map[string]any) any {
		in := map[string]any{"clip": l.clip, "width": 32, "height": 16, "crop_w": 0, "crop_h": 0, "target_width": 32, "target_height": 16,
			"text_g": catsAndDog, "text_l": catsAndDog}
		for name, v := range change {
			in[name] = v
		}
		return h.run("CLIPTextEncodeSDXL", in).Values[0]
	}
	picture := func(positive any) []byte {
		c := l
		if positive != nil {
			c.positive = positive
		}
		return h.pngs(h.run("KSampler", h.sampling(c, map[string]any{"latent_image": empty, "cfg": 1.0})).Values[0], l.vae)[0]
	}
	want := picture(nil)
	if !bytes.Equal(picture(encode(nil)), want) {
		t.Error("the whole picture's sizes give another picture than none")
	}
	for name, value := range map[string]any{
		"width": 512, "height": 512, "crop_w": 9, "crop_h": 9, "target_width": 512, "target_height": 512, "text_g": "three dogs", "text_l": "three dogs",
	} {
		if bytes.Equal(picture(encode(map[string]any{name: value})), want) {
			t.Errorf("%s changes nothing", name)
		}
	}
	other := h.load(familyFolders["sd2"], catsAndDog)
	_, err := h.try(context.Background(), "CLIPTextEncodeSDXL", map[string]any{"clip": other.clip, "width": 1, "height": 1, "crop_w": 0, "crop_h": 0,
		"target_width": 1, "target_height": 1, "text_g": "", "text_l": ""})
	if err == nil || !strings.Contains(err.Error(), "Stable Diffusion 2.x, which has 1 text encoders") {
		t.Errorf("%v", err)
	}
	l.positive = other.positive
	if _, err = h.try(context.Background(), "KSampler", h.sampling(l, nil)); err == nil || !strings.Contains(err.Error(), "was it made by another model") {
		t.Errorf("another model's conditioning: %v", err)
	}
}

// TestModelSamplingSD3 holds that the shift changes the picture, also below and above guidance, that 3 is what the model has, and
// that other families are refused.
func TestModelSamplingSD3(t *testing.T) {
	h := familyHost(t)
	l := h.load(familyFolders["sd3"], catsAndDog)
	shifted := func(model any, shift float64) any {
		return h.run("ModelSamplingSD3", map[string]any{"model": model, "shift": shift}).Values[0]
	}
	picture := func(model any) []byte {
		c := l
		c.model = model
		return h.pngs(h.run("KSampler", h.sampling(c, nil)).Values[0], l.vae)[0]
	}
	plain := picture(l.model)
	if !bytes.Equal(picture(shifted(l.model, 3)), plain) || bytes.Equal(picture(shifted(l.model, 1)), plain) {
		t.Error("a shift of 3 changes the picture, or one of 1 does not")
	}
	change := map[string]any{"eta": 0.2, "end": 1.0}
	below, above := picture(shifted(h.guided(l.model, change), 1)), picture(h.guided(shifted(l.model, 1), change))
	if !bytes.Equal(below, above) || bytes.Equal(below, picture(shifted(l.model, 1))) {
		t.Error("shift and guidance depend on their order, or guidance is lost")
	}
	_, err := h.try(context.Background(), "ModelSamplingSD3", map[string]any{"model": h.load(familyFolders["sdxl"], "").model, "shift": 3.0})
	if err == nil || !strings.Contains(err.Error(), "Stable Diffusion XL") {
		t.Errorf("%v", err)
	}
}
