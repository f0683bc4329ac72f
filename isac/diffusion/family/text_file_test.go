package family

import (
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
)

// TestTextEncodersOfRealModels tells by the shapes of real encoders what they are, and in which order a family has them.
func TestTextEncodersOfRealModels(t *testing.T) {
	of := func(path string, width int64, layers int) textFile {
		return textFile{path: path, shape: clip.TextConfig{Width: width, Layers: layers}, source: fixture.Shapes{"text_model.x": {width}}}
	}
	l, h, g := of("l", 768, 12), of("h", 1024, 24), of("g", 1280, 32)
	for _, c := range []struct {
		kind  string
		files []textFile
		name  string
		order []int64
		skip  int
	}{
		{"stable_diffusion", []textFile{l}, "sd1", []int64{768}, 0},
		{"stable_diffusion", []textFile{h}, "sd2", []int64{1024}, 1},
		{"stable_diffusion", []textFile{of("short", 1024, 23)}, "sd2", []int64{1024}, 0}, // diffusers leaves the last layer out
		{"sdxl", []textFile{g, l}, "sdxl", []int64{768, 1280}, 1},
		{"sd3", []textFile{l, g}, "sd3", []int64{768, 1280}, 1},
	} {
		m := &Files{Layout: SingleFile}
		if err := m.takeTexts(textTypes[c.kind], c.files); err != nil {
			t.Fatal(err)
		}
		skip := m.Family.Text[0].Skip
		if m.Layout == SingleFile {
			skip = m.Family.Text[0].SingleSkip
		}
		if m.Family.Name != c.name || skip != c.skip || len(m.Text) != len(c.order) {
			t.Errorf("%s: taken for %s, %d layers left out, %d encoders", c.kind, m.Family.Name, skip, len(m.Text))
		}
		for i, width := range c.order {
			if shape, _ := m.Text[i].Shape("text_model.x"); shape[0] != width {
				t.Errorf("%s: encoder %d has width %d, want %d", c.kind, i, shape[0], width)
			}
		}
	}
	for kind, files := range map[string][]textFile{"stable_diffusion": {g}, "sdxl": {g, g}, "sd3": {l}} {
		if err := new(Files).takeTexts(textTypes[kind], files); err == nil {
			t.Errorf("%s takes %d files", kind, len(files))
		}
	}
	fixture.Mentions(t, new(Files).takeTexts(textTypes["stable_diffusion"], []textFile{g}), "second text encoder of Stable Diffusion XL", "DualCLIPLoader")
	fixture.Mentions(t, new(Files).takeTexts(textTypes["sdxl"], []textFile{l, l}), "both CLIP-L")
}
