package nodes

import (
	"encoding/json"
	"testing"

	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/methods"
)

// TestPresetsOfInputs holds that each input which can be left to a preset tells what every preset of every method has for it.
func TestPresetsOfInputs(t *testing.T) {
	node, _ := Standard().Get("ISACGuidance")
	info := node.Info(nil)
	tables := map[string]map[string]map[string]any{}
	for _, in := range append(info.Required, info.Optional...) {
		for _, o := range in.Options {
			if o.Name == "presets" {
				var table map[string]map[string]any
				if err := json.Unmarshal(o.Value, &table); err != nil {
					t.Fatal(err)
				}
				tables[in.Name] = table
			}
		}
	}
	for _, entry := range methods.All() {
		for _, preset := range append([]string{"default"}, entry.PresetNames()...) {
			m, err := entry.Preset(preset)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range guidance.Settings(m) {
				name := inputName(s.Name)
				if !guidanceOptions[name].preset {
					continue
				}
				want := s.Value
				if on, is := want.(bool); is {
					want = map[bool]string{true: "on", false: "off"}[on]
				}
				if f, is := want.(float64); is && tables[name][entry.Name][preset] != f || !is && tables[name][entry.Name][preset] != text(want) {
					t.Errorf("%s of %s, %s is %v, want %v", name, entry.Name, preset, tables[name][entry.Name][preset], want)
				}
			}
		}
	}
	if len(tables) < 5 || tables["eta"]["isac"]["typed"] == nil {
		t.Errorf("tables of %d inputs", len(tables))
	}
}

// text is a choice as JSON has it.
func text(v any) string {
	raw, _ := json.Marshal(v)
	var s string
	_ = json.Unmarshal(raw, &s)
	return s
}
