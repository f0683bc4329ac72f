package guidance_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/plugin"
)

// TestTypesOfLatents guides the same latents in each type, as far apart as the type rounds.
func TestTypesOfLatents(t *testing.T) {
	h := connect(t, "mini")
	exact, err := h.open(t, simple()).Guide(t.Context(), at(10, nil))
	if err != nil {
		t.Fatal(err)
	}
	for dtype, tolerance := range map[plugin.DType]float64{plugin.Float16: 1e-3, plugin.BFloat16: 1e-2} {
		err := torch.InScope(func() error {
			want := got(t, exact.Latents)
			x := got(t, noise(1, 10, 1, 4, 16, 16))
			result, err := h.open(t, simple()).Guide(t.Context(), at(10, func(s *plugin.GuidanceStep) { s.Latents = sent(x, dtype) }))
			if err != nil {
				return err
			}
			if result.Latents.DType != dtype || !slices.Equal(result.Latents.Shape, []int64{1, 4, 16, 16}) || result.Reports[0].Moves != 1 {
				t.Errorf("type %d came back as %d of shape %v", dtype, result.Latents.DType, result.Latents.Shape)
			}
			if apart := got(t, result.Latents).Sub(want).NormAll().Item() / want.NormAll().Item(); !(apart < tolerance) {
				t.Errorf("type %d: %g of the norm apart, expected less than %g", dtype, apart, tolerance)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// TestStepsThatMoveNothing gives the bits that were sent, and says why: outside the window, and where a session only measures.
func TestStepsThatMoveNothing(t *testing.T) {
	h := connect(t, "mini")
	config := simple()
	config.Options["end"] = "0.5"
	step := at(10, func(s *plugin.GuidanceStep) { s.Index = 3 })
	late, err := h.open(t, config).Guide(t.Context(), step)
	if err != nil {
		t.Fatal(err)
	}
	if r := late.Reports[0]; !slices.Equal(late.Latents.Data, step.Latents.Data) || r.Moves != 0 || r.Wanted || !strings.Contains(r.Skipped, "outside the guided steps 1 to 2") {
		t.Errorf("outside the window: %+v", r)
	}
	config.Measure = true
	step = at(10, func(s *plugin.GuidanceStep) { s.Masks = true })
	seen, err := h.open(t, config).Guide(t.Context(), step)
	if err != nil {
		t.Fatal(err)
	}
	r := seen.Reports[0]
	if !slices.Equal(seen.Latents.Data, step.Latents.Data) || r.Moves != 0 || len(r.Losses) == 0 || r.Foreground == 0 {
		t.Errorf("measuring: %+v", r)
	}
	if len(r.Labels) != r.Height*r.Width || !slices.Equal(r.Masks.Shape, []int64{3, int64(r.Height), int64(r.Width)}) {
		t.Errorf("%d labels and masks of shape %v on a grid of %d×%d", len(r.Labels), r.Masks.Shape, r.Height, r.Width)
	}
	if instances := slices.Max(r.Labels) + 1; instances != 3 || slices.Min(r.Labels) != -1 {
		t.Errorf("labels of %d instances, and the background's", instances)
	}
	// No method of the list changes the noise: it comes back as it was.
	sent := noise(2, 1, 1, 4, 16, 16)
	prepared, changed, err := h.open(t, simple()).Prepare(t.Context(), sent, 4, plugin.AtSigma(10))
	if err != nil || changed || !slices.Equal(prepared.Data, sent.Data) {
		t.Errorf("the noise was changed: %v, %v", changed, err)
	}
}

// TestTarget opens sessions that say in different ways what they aim at, and compares what was understood.
func TestTarget(t *testing.T) {
	h := connect(t, "mini")
	text := h.open(t, simple()).Info
	if len(text.Target) != 2 || text.Target[0].Name != "cat" || text.Target[0].Count != 2 || text.Target[1].Name != "dog" || text.Target[1].Count != 1 {
		t.Fatalf("%q is understood as %+v", catsAndDog, text.Target)
	}
	if text.Method != "isac" || text.Options["eta"] != "0.2" || text.Family != "sd1" || text.Factor == 0 || !(text.SigmaMax > text.SigmaMin) {
		t.Errorf("%+v", text)
	}
	for name, change := range map[string]func(*plugin.GuidanceConfig){
		"counts": func(c *plugin.GuidanceConfig) { c.Counts = "cat=2, dog=1" },
		"instances": func(c *plugin.GuidanceConfig) {
			c.Instances = []plugin.GuidanceInstances{{Name: "cat", Count: 2}, {Name: "dog", Count: 1}}
		},
		"tokens": func(c *plugin.GuidanceConfig) { c.Instances = text.Target },
	} {
		config := simple()
		change(&config)
		for i, got := range h.open(t, config).Info.Target {
			if want := text.Target[i]; got.Name != want.Name || got.Count != want.Count || !slices.Equal(got.Tokens, want.Tokens) {
				t.Errorf("%s: %+v, expected %+v", name, got, want)
			}
		}
	}
}

// TestPromptsOfHosts opens sessions whose prompts have weights and several chunks, and whose conditionings do not hold all of a prompt.
func TestPromptsOfHosts(t *testing.T) {
	h := connect(t, "mini")
	config := simple()
	config.Preset = "typed" // has something to do with one class
	config.Prompt = "two (cats:1.3) " + strings.Repeat("and ", 40) + "((a dog))"
	whole := h.open(t, config).Info
	if len(whole.Target) != 2 || whole.Target[0].Tokens[0] != 2 || whole.Target[1].Tokens[0] < 32 {
		t.Fatalf("%q is aimed at as %+v", config.Prompt, whole.Target)
	}
	for positions, want := range map[int64]struct {
		classes int
		note    string
		skipped string
	}{64: {2, "chunks of 32", ""}, 32: {1, `"dog" at bytes`, ""}, 2: {0, `"cats" at bytes`, "the model reads no class word of the prompt"}} {
		config := config
		config.Hidden = noise(3, 1, 1, positions, 128)
		s := h.open(t, config)
		if len(s.Info.Target) != want.classes || !strings.Contains(strings.Join(s.Info.Notes, "\n"), want.note) {
			t.Errorf("%d positions: target %+v, notes %q", positions, s.Info.Target, s.Info.Notes)
		}
		step := at(10, func(*plugin.GuidanceStep) {})
		got, err := s.Guide(t.Context(), step)
		if err != nil {
			t.Fatal(err)
		}
		if r := got.Reports[0]; r.Skipped != want.skipped || !r.Wanted || slices.Equal(got.Latents.Data, step.Latents.Data) != (want.classes == 0) {
			t.Errorf("%d positions: %+v", positions, r)
		}
	}
	config.Prompt = "two (cats:inf)"
	_, err := h.Guidance.Open(t.Context(), config)
	refused(t, err, plugin.KindInvalidInput, "weight out of range", "prompt")
}

// TestSequenceOfMethods holds that a session may be guided by two methods, with the options of both by their names.
func TestSequenceOfMethods(t *testing.T) {
	h := connect(t, "mini")
	config := simple()
	config.Method, config.Options = "attend_isac", map[string]string{"attend.refine": "false", "isac.start": "0.5", "isac.end": "1"}
	s := h.open(t, config)
	for index, moves := range []int{1, 1, 1, 1} { // Attend-and-Excite in the first half, ISAC in the second
		got, err := s.Guide(t.Context(), at(10, func(step *plugin.GuidanceStep) { step.Index = index }))
		if err != nil || got.Reports[0].Moves != moves || got.Reports[0].Skipped != "" {
			t.Fatalf("step %d: %v, %+v", index, err, got.Reports)
		}
		name := got.Reports[0].Losses[0].Name
		if first := index < 2; first != (name == "attend") {
			t.Errorf("step %d has the loss %s", index, name)
		}
	}
	config.Options = map[string]string{"eta": "1"}
	if _, err := h.Guidance.Open(t.Context(), config); err == nil || !strings.Contains(err.Error(), "attend.eta") {
		t.Errorf("an option without the name of its method: %v", err)
	}
}
