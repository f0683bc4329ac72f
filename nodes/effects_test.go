package nodes

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// others are values of an input that are not its default.
func others(t *testing.T, h *host, name string, input []any) []any {
	t.Helper()
	options := map[string]any{}
	if len(input) > 1 {
		options = input[1].(map[string]any)
	}
	switch kind := input[0].(type) {
	case []any:
		return slices.DeleteFunc(slices.Clone(kind), func(v any) bool { return v == options["default"] })
	case string:
		switch kind {
		case "INT":
			return []any{json.Number("7")}
		case "FLOAT":
			return []any{json.Number("0.25")}
		case "BOOLEAN":
			return []any{options["default"] != true}
		case "STRING":
			return []any{"a dog"}
		case "ISAC_INSTANCES":
			return h.run("ISACInstances", map[string]any{"text": catsAndDog, "override": "dog=1"}).Values[:1]
		}
	}
	t.Fatalf("no other value for %s: %v", name, input)
	return nil
}

// entryOf is a node's entry as clients get it: inputs by name, and those without default.
func entryOf(t *testing.T, h *host, class string) map[string][]any {
	t.Helper()
	node, _ := h.registry.Get(class)
	raw, err := json.Marshal(node.Info(h.env))
	if err != nil {
		t.Fatal(err)
	}
	var entry struct {
		Input map[string]map[string][]any
	}
	if err := json.Unmarshal(raw, &entry); err != nil {
		t.Fatal(err)
	}
	all := entry.Input["required"]
	for name, input := range entry.Input["optional"] {
		all[name] = input
	}
	return all
}

// TestEveryInputOfGuidanceArrives sets each input of ISACGuidance as a client does, and looks whether the model that comes out is guided otherwise.
func TestEveryInputOfGuidanceArrives(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	base := map[string]any{"model": l.model, "preset": "default", "eta": -1, "start": 0, "end": -1, "schedule": "preset"}
	aimOf := func(change map[string]any) (aim, error) {
		inputs := map[string]any{}
		for _, from := range []map[string]any{base, change} {
			for name, v := range from {
				inputs[name] = v
			}
		}
		result, err := h.try(t.Context(), "ISACGuidance", inputs)
		if err != nil {
			return aim{}, err
		}
		return *result.Values[0].(*Model).guidance, nil
	}
	seen := 0
	for name, input := range entryOf(t, h, "ISACGuidance") {
		if name == "model" {
			continue
		}
		values := others(t, h, name, input)
		// Each method has options of its own.
		reached := false
		for _, method := range []string{"isac", "attend_excite"} {
			plain, err := aimOf(map[string]any{"method": method})
			if err != nil {
				t.Fatal(err)
			}
			for _, value := range values {
				got, err := aimOf(map[string]any{"method": method, name: value})
				reached = reached || err == nil && !reflect.DeepEqual(got, plain)
			}
		}
		if !reached {
			t.Errorf("%s changes nothing, of %v", name, values)
		}
		seen++
	}
	if seen < 30 {
		t.Errorf("only %d inputs were tried", seen)
	}
}

// TestGuidanceInputsDecideThePicture holds that what an input says reaches the run itself.
func TestGuidanceInputsDecideThePicture(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	base := map[string]any{"model": l.model, "preset": "typed", "eta": 0.1, "start": 0, "end": 1.0, "schedule": "preset"}
	sample := func(change map[string]any) string {
		t.Helper()
		inputs := map[string]any{}
		for _, from := range []map[string]any{base, change} {
			for name, v := range from {
				inputs[name] = v
			}
		}
		guided := l
		guided.model = h.run("ISACGuidance", inputs).Values[0]
		return fmt.Sprint(valuesOf(t, h, h.run("KSampler", h.sampling(guided, nil)).Values[0].(*Latent).Samples))
	}
	plain := sample(nil)
	for name, change := range map[string]map[string]any{
		"preset": {"preset": "paper"}, "method": {"method": "attend_excite", "preset": "default"}, "eta": {"eta": 0.2}, "start": {"start": 0.6},
		"end": {"end": 0.3}, "schedule": {"schedule": "A"}, "text": {"text": "a dog"}, "step_rule": {"step_rule": "raw"}, "direction": {"direction": "random"},
		"instances": {"instances": h.run("ISACInstances", map[string]any{"text": catsAndDog, "override": "dog=1"}).Values[0]},
	} {
		if sample(change) == plain {
			t.Errorf("%s: %v gives the same latent", name, change)
		}
	}
	if sample(map[string]any{"eta": -1}) == plain {
		t.Error("eta -1 is 0.1")
	}
}

// TestNoNumberIsThePresets holds that -1 is the preset's own value, that 0 still is in graphs of earlier versions where a method takes none, with a
// note, and that 0 is 0 elsewhere.
func TestNoNumberIsThePresets(t *testing.T) {
	for _, name := range []string{"eta", "end"} {
		preset, _, err := guidanceOptions.chosen("isac", "paper", nil)
		if err != nil {
			t.Fatal(err)
		}
		if m, notes, err := guidanceOptions.chosen("isac", "paper", map[string]any{name: -1.0}); err != nil || m != preset || len(notes) != 0 {
			t.Errorf("%s -1: %+v, %v, %v", name, m, notes, err)
		}
		if m, notes, err := guidanceOptions.chosen("isac", "paper", map[string]any{name: 0.0}); err != nil || m != preset || len(notes) != 1 || !strings.Contains(notes[0], name) {
			t.Errorf("%s 0: %+v, %v, %v", name, m, notes, err)
		}
		if _, _, err := guidanceOptions.chosen("isac", "paper", map[string]any{name: -0.5}); err == nil {
			t.Errorf("%s -0.5 is taken", name)
		}
	}
	m, notes, err := guidanceOptions.chosen("isac", "typed", map[string]any{"start": 0.0, "coordinate_weight": 0.0})
	if err != nil || len(notes) != 0 {
		t.Fatal(notes, err)
	}
	for _, s := range guidance.Settings(m) {
		if s.Name == "coordinate_weight" && s.Value != 0.0 {
			t.Errorf("coordinate_weight 0 is %v", s.Value)
		}
	}
	input := entryOf(t, newHost(t), "ISACGuidance")["end"][1].(map[string]any)
	if input["default"] != -1.0 || input["min"] != -1.0 || !strings.Contains(input["tooltip"].(string), "typed 0.5, paper 1") {
		t.Errorf("end is %v", input)
	}
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	l.model = h.guided(l.model, map[string]any{"eta": 0})
	if lines := fmt.Sprint(h.run("KSampler", h.sampling(l, nil)).UI["text"]); !strings.Contains(lines, "eta cannot be 0") {
		t.Errorf("a graph of an earlier version is told %s", lines)
	}
}

// TestMaskInputsArrive sets each input of ISACMasks.
func TestMaskInputsArrive(t *testing.T) {
	h := newHost(t)
	second := seen(1, true)
	second.Labels = []int{-1, 0, 0, -1, -1, 0, 0, -1}
	samples := &Latent{Width: 16, Height: 8, Batch: 1, Reports: [][]guidance.Report{{seen(0, true), second}},
		Target: guidance.Target{Classes: []guidance.Class{{Name: "cat", Count: 1}}}}
	run := func(change map[string]any) []float32 {
		inputs := map[string]any{"samples": samples, "step": "last", "upscale": "nearest"}
		for name, v := range change {
			inputs[name] = v
		}
		v := h.run("ISACMasks", inputs).Values
		return append(valuesOf(t, h, v[0].(*Image).Pixels), valuesOf(t, h, v[1].(*Mask).Planes)...)
	}
	var below *Image
	do(t, h, func() { below = newImage(torch.Ones([]int64{1, 8, 16, 3}, torch.Float32, torch.CPU)) })
	defer below.Close()
	plain := run(nil)
	for name, v := range map[string]any{"step": "first", "upscale": "bilinear", "image": below} {
		if slices.Equal(run(map[string]any{name: v}), plain) {
			t.Errorf("%s changes nothing", name)
		}
	}
	if n := len(run(map[string]any{"step": "all"})); n != 2*len(plain) {
		t.Errorf("all steps have %d values, one has %d", n, len(plain))
	}
}
