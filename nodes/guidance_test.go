package nodes

import (
	"bytes"
	"context"
	"encoding/json"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func (h *host) guided(model any, change map[string]any) any {
	h.t.Helper()
	in := map[string]any{"model": model, "preset": "typed", "eta": -1, "start": 0, "end": -1, "schedule": "preset"}
	for name, v := range change {
		in[name] = v
	}
	return h.run("ISACGuidance", in).Values[0]
}

func TestGuidedSampling(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	plain := h.run("KSampler", h.sampling(l, nil))
	if plain.UI != nil {
		t.Errorf("plain sampling shows %v", plain.UI)
	}

	var steps []StepReport
	h.env.Step = func(report any) { steps = append(steps, report.(StepReport)) }
	l.model = h.guided(l.model, map[string]any{"eta": 0.2, "end": 1.0})
	empty := h.run("EmptyLatentImage", map[string]any{"width": 32, "height": 32, "batch_size": 2}).Values[0]
	result := h.run("KSampler", h.sampling(l, map[string]any{"latent_image": empty}))
	latent := result.Values[0].(*Latent)

	if len(steps) != 8 || steps[0].Image != 0 || steps[1].Image != 1 || steps[7].Index != 3 {
		t.Fatalf("heard %d step reports, want one for each of four steps and two images", len(steps))
	}
	if raw, err := json.Marshal(steps[0]); err != nil || !strings.Contains(string(raw), `"losses":[{"name":"instance"`) || strings.Contains(string(raw), `"masks"`) {
		t.Errorf("a step report marshals to %s, error %v: want the losses, not the soft masks", raw, err)
	}
	if len(latent.Reports) != 2 || len(latent.Reports[0]) != 4 || latent.Reports[1][3].Index != 3 {
		t.Fatalf("reports %d×%d: want two images of four steps", len(latent.Reports), len(latent.Reports[0]))
	}
	guided := 0
	for _, r := range latent.Reports[0] {
		if r.Skipped == "" {
			guided++
			if len(r.Masks) != 3 || len(r.Labels) != r.Width*r.Height || r.Foreground == 0 {
				t.Errorf("step %d: %d masks, %d labels, foreground %d: want three instances", r.Index, len(r.Masks), len(r.Labels), r.Foreground)
			}
		}
	}
	if guided == 0 {
		t.Errorf("no step was guided: %s", latent.Reports[0][0].Skipped)
	}
	if n := latent.Target.Instances(); n != 3 {
		t.Errorf("target has %d instances, want 3", n)
	}
	if text, _ := result.UI["text"].([]string); len(text) == 0 || text[0] != "cat=2, dog=1" {
		t.Errorf("shows %v, want what was understood", result.UI)
	}
	if bytes.Equal(h.pngs(plain.Values[0], l.vae)[0], h.pngs(latent, l.vae)[0]) {
		t.Error("guidance changed nothing")
	}
}

func TestGuidanceTexts(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	instances := func(text, override string) any {
		return h.run("ISACInstances", map[string]any{"text": text, "override": override}).Values[0]
	}
	tests := []struct {
		name   string
		change map[string]any
		want   string // what is shown; or part of the error
		fails  bool
	}{
		{"the positive prompt", nil, "cat=2, dog=1", false},
		{"a text", map[string]any{"text": "a dog"}, "dog=1", false},
		{"instances", map[string]any{"instances": instances(catsAndDog, "dog=3, cats=1"), "text": "a dog"}, "dog=3, cats=1", false},
		{"a text of other words", map[string]any{"text": "a horse"}, `"horse" is not in the positive prompt`, true},
		{"a text without objects", map[string]any{"text": "beautiful"}, "no objects", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := l
			g.model = h.guided(l.model, tt.change)
			result, err := h.try(context.Background(), "KSampler", h.sampling(g, map[string]any{"steps": 2}))
			if tt.fails {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error %v, want one that says %q", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if text, _ := result.UI["text"].([]string); len(text) == 0 || !strings.Contains(text[0], tt.want) {
				t.Errorf("shows %q, want %q", text, tt.want)
			}
		})
	}
}

func TestGuidanceOptionsAreChecked(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", "")
	_, err := h.try(context.Background(), "ISACGuidance",
		map[string]any{"model": l.model, "preset": "typed", "eta": 0, "start": 0.8, "end": 0.3, "schedule": "E"})
	if err == nil || !strings.Contains(err.Error(), "0.8") {
		t.Errorf("error %v: want one that says what is wrong with the window", err)
	}
}

func TestInstancesNode(t *testing.T) {
	h := newHost(t)
	r := h.run("ISACInstances", map[string]any{"text": "a photo of two cats and a dog"})
	if r.Values[1] != "cat=2, dog=1" {
		t.Errorf("understood %q", r.Values[1])
	}
	if text := r.UI["text"].([]string); text[0] != "cat=2, dog=1" {
		t.Errorf("shows %q", text)
	}
	vague := h.run("ISACInstances", map[string]any{"text": "some dogs"})
	if text := vague.UI["text"].([]string); len(text) < 2 {
		t.Errorf("shows %q: want a note on what was assumed", text)
	}
	over := h.run("ISACInstances", map[string]any{"text": "some dogs", "override": vague.Values[1]})
	if over.Values[1] != vague.Values[1] {
		t.Errorf("what was understood, given back, is read as %q, not %q", over.Values[1], vague.Values[1])
	}
	if _, err := h.try(context.Background(), "ISACInstances", map[string]any{"text": "a dog", "override": "cat=1"}); err == nil {
		t.Error("an override of a word that the text lacks was accepted")
	}
}

func TestMasksNode(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	plain := h.run("KSampler", h.sampling(l, nil)).Values[0]
	if _, err := h.try(context.Background(), "ISACMasks", map[string]any{"samples": plain, "step": "last", "upscale": "nearest"}); err == nil ||
		!strings.Contains(err.Error(), "ISACGuidance") {
		t.Errorf("masks of a plain latent: error %v, want one that says where masks come from", err)
	}
	l.model = h.guided(l.model, map[string]any{"end": 1.0})
	empty := h.run("EmptyLatentImage", map[string]any{"width": 32, "height": 32, "batch_size": 2}).Values[0]
	latent := h.run("KSampler", h.sampling(l, map[string]any{"latent_image": empty})).Values[0]
	images := h.run("VAEDecode", map[string]any{"samples": latent, "vae": l.vae}).Values[0]

	shape := func(in map[string]any) []int64 {
		in["samples"] = latent
		return h.run("ISACMasks", in).Values[0].(*Image).Pixels.Shape()
	}
	if s := shape(map[string]any{"step": "last", "upscale": "nearest"}); s[0] != 2 || s[1] != 32 || s[2] != 32 || s[3] != 3 {
		t.Errorf("masks have shape %v, want [2 32 32 3]", s)
	}
	if s := shape(map[string]any{"step": "all", "upscale": "bilinear"}); s[0] <= 2 {
		t.Errorf("masks of all steps have shape %v, want more than one for each image", s)
	}
	if s := shape(map[string]any{"step": "first", "upscale": "bilinear", "image": images}); s[0] != 2 {
		t.Errorf("masks over images have shape %v, want two", s)
	}
	one := h.run("VAEDecode", map[string]any{"samples": plain, "vae": l.vae}).Values[0]
	if _, err := h.try(context.Background(), "ISACMasks", map[string]any{"samples": latent, "step": "last", "upscale": "nearest", "image": one}); err == nil {
		t.Error("one image for two latents was accepted")
	}
}

// TestExampleWorkflows runs the bundled workflows on the bundled model, node by node.
func TestExampleWorkflows(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the bundled model")
	}
	for name, want := range map[string]map[string]int{
		"plain.json":              {"ComfyUI_%05d_.png": 1},
		"select.json":             {"select_%05d_.png": 1},
		"two-cats-and-a-dog.json": {"plain_%05d_.png": 4, "isac_%05d_.png": 4, "masks_%05d_.png": 4},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := os.ReadFile(filepath.Join("..", "examples", "workflows", name))
			if err != nil {
				t.Fatal(err)
			}
			h := newHost(t, miniFolder)
			got := map[string]int{}
			for _, r := range h.workflow(doc) {
				for _, f := range r.Files {
					got[f.Name]++
					img, err := png.Decode(bytes.NewReader(f.Data))
					if err != nil || img.Bounds().Dx() != 64 || img.Bounds().Dy() != 64 {
						t.Errorf("%s: %v, error %v: want 64×64 pixels", f.Name, img.Bounds(), err)
					}
				}
			}
			for file, n := range want {
				if got[file] != n {
					t.Errorf("%d files %s, want %d", got[file], file, n)
				}
			}
			h.release()
		})
	}
}

// TestStepsThatWereLeftOutAreSaid holds that the sampler says where guidance could not be given.
func TestStepsThatWereLeftOutAreSaid(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	instances := h.run("ISACInstances", map[string]any{"text": catsAndDog, "override": "cat=400"}).Values[0]
	l.model = h.guided(l.model, map[string]any{"instances": instances, "end": 1.0})
	text, _ := h.run("KSampler", h.sampling(l, nil)).UI["text"].([]string)
	if all := strings.Join(text, "\n"); !strings.Contains(all, "guidance was left out at 4 of 4 steps that it was asked for: the foreground has") {
		t.Errorf("the sampler says %q", all)
	}
}

// TestNothingToGuideIsSaid holds that the sampler says why the options have nothing to do with a prompt, and says nothing where a window is
// all that leaves steps out.
func TestNothingToGuideIsSaid(t *testing.T) {
	h := newHost(t, tinyFolder)
	for _, c := range []struct {
		prompt, preset, want string
	}{
		{"three cats", "default", "nothing was guided: schedule B gives no weight to any loss at this step, for there is one class"},
		{"a cat", "paper", "nothing was guided: one instance of one class leaves nothing to separate"},
		{"three cats", "typed", ""},
		{catsAndDog, "default", ""},
	} {
		l := h.load("tiny", c.prompt)
		l.model = h.guided(l.model, map[string]any{"preset": c.preset})
		sampled := h.run("KSampler", h.sampling(l, nil))
		text, _ := sampled.UI["text"].([]string)
		all := strings.Join(text, "\n")
		masks, _ := h.run("ISACMasks", map[string]any{"samples": sampled.Values[0], "step": "last", "upscale": "nearest"}).UI["text"].([]string)
		if said := strings.Join(masks, "\n"); (c.want != "") != strings.Contains(said, "no instance masks: guidance looked at no step, because "+strings.TrimPrefix(c.want, "nothing was guided: ")) {
			t.Errorf("%q, %s: the masks say %q", c.prompt, c.preset, said)
		}
		if c.want == "" && strings.Contains(all, "guided:") || !strings.Contains(all, c.want) {
			t.Errorf("%q, %s: the sampler says %q, want %q", c.prompt, c.preset, all, c.want)
		}
	}
}
