package nodes

import (
	"image"
	"image/color"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/guidance"
)

// seen is a report of a step on a grid of 4×2 with one instance on its left half, or without masks.
func seen(index int, masks bool) guidance.Report {
	r := guidance.Report{Step: guidance.Step{Index: index, Count: 9}, Height: 2, Width: 4}
	if masks {
		r.Masks, r.Labels = [][]float32{{1, 1, 0, 0, 1, 1, 0, 0}}, []int{0, 0, -1, -1, 0, 0, -1, -1}
	}
	return r
}

// TestMasksOverImages holds that each image of a batch is painted over its own picture, at that picture's size, and where the instance is.
func TestMasksOverImages(t *testing.T) {
	h := newHost(t)
	picture := func(shade uint8) *image.NRGBA {
		p := image.NewNRGBA(image.Rect(0, 0, 8, 4))
		for i := range p.Pix {
			p.Pix[i] = shade
		}
		return p
	}
	below := []*image.NRGBA{picture(20), picture(200)}
	samples := &Latent{Width: 16, Height: 8, Batch: 2, Reports: [][]guidance.Report{{seen(0, true)}, {seen(0, false)}}}
	pictures := imageFrom(below)
	defer pictures.Close()
	for _, upscale := range []string{"nearest", "bilinear"} {
		value := h.run("ISACMasks", map[string]any{"samples": samples, "step": "last", "upscale": upscale, "image": pictures}).Values[0]
		got, err := value.(*Image).pictures()
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 2 || got[0].Rect.Dx() != 8 || got[0].Rect.Dy() != 4 || !slices.Equal(got[1].Pix[:3], below[1].Pix[:3]) {
			t.Fatalf("%s: %d pictures of %v, the second of %v", upscale, len(got), got[0].Rect, got[1].Pix[:3])
		}
		dark := color.NRGBA{20, 20, 20, 255}
		if got[0].NRGBAAt(0, 0) == dark || got[0].NRGBAAt(7, 3) != dark {
			t.Errorf("%s: %v where the instance is, %v where none is", upscale, got[0].NRGBAAt(0, 0), got[0].NRGBAAt(7, 3))
		}
		// A block ends at the middle of the picture; a smooth mask reaches beyond.
		if reaches := got[0].NRGBAAt(4, 2) != dark; reaches != (upscale == "bilinear") {
			t.Errorf("%s: right of the middle there is %v", upscale, got[0].NRGBAAt(4, 2))
		}
	}
	plain := h.run("ISACMasks", map[string]any{"samples": samples, "step": "last", "upscale": "nearest"}).Values[0].(*Image)
	if shape := plain.Pixels.Shape(); !slices.Equal(shape, []int64{2, 8, 16, 3}) {
		t.Errorf("masks alone have shape %v, want the latents' size", shape)
	}
}

// TestInstanceMasks holds that masks come as MASK: each instance, those of a class in one, or one, and that names that are not there are refused.
func TestInstanceMasks(t *testing.T) {
	h := newHost(t)
	report := guidance.Report{Step: guidance.Step{Count: 3}, Height: 1, Width: 4,
		Masks: [][]float32{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 0.2, 0}}, Labels: []int{0, 1, 2, -1}}
	samples := &Latent{Width: 8, Height: 2, Batch: 2, Reports: [][]guidance.Report{{report}, {{}}},
		Target: guidance.Target{Classes: []guidance.Class{{Name: "hot dog", Count: 2}, {Name: "cat", Count: 1}}}}
	run := func(instance string) ([]any, error) {
		r, err := h.try(t.Context(), "ISACMasks", map[string]any{"samples": samples, "step": "last", "upscale": "nearest", "instance": instance})
		return r.Values, err
	}
	for instance, want := range map[string][]float32{ // the first row of each mask
		"":           {1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0},
		"Hot  dog":   {1, 1, 1, 1, 0, 0, 0, 0},
		"hot dog 2 ": {0, 0, 1, 1, 0, 0, 0, 0},
		"cat":        {0, 0, 0, 0, 1, 1, 0, 0},
	} {
		values, err := run(instance)
		if err != nil {
			t.Fatal(err)
		}
		if values[2] != "hot dog 1, hot dog 2, cat 1" {
			t.Errorf("the instances are %q", values[2])
		}
		planes := values[1].(*Mask).Planes
		n := int64(len(want) / 8)
		if !slices.Equal(planes.Shape(), []int64{n + 1, 2, 8}) {
			t.Fatalf("%q: masks of shape %v", instance, planes.Shape())
		}
		do(t, h, func() {
			if got := planes.Narrow(0, 0, n).Narrow(1, 0, 1).Contiguous().Float32s(); !slices.Equal(got, want) {
				t.Errorf("%q: %v, want %v", instance, got, want)
			}
			if planes.Narrow(0, n, 1).NormAll().Float32s()[0] != 0 {
				t.Errorf("%q: an image without masks has one", instance)
			}
		})
	}
	if _, err := run("bird"); err == nil || !strings.Contains(err.Error(), "hot dog 1, hot dog 2, cat 1") {
		t.Errorf("a bird: %v", err)
	}
}
