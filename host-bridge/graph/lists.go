package graph

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/isac-guidance/isac/plugin"
)

// values are what travels along one link: as in ComfyUI a list, of which most have one value.
type values []plugin.Value

// flat takes a value of the plugin apart.
func flat(v plugin.Value) values {
	if v.List != nil {
		return v.List
	}
	return values{v}
}

// calls says how often a node runs, and with what: once where each input has one value or the class takes lists, else once for
// each value of the longest, shorter lists repeating their last one. An empty list leaves nothing to run for.
func calls(s *Schema, inputs map[string]values) []map[string]plugin.Value {
	if s.InputIsList {
		call := make(map[string]plugin.Value, len(inputs))
		for name, list := range inputs {
			call[name] = plugin.Value{List: append([]plugin.Value{}, list...)}
		}
		return []map[string]plugin.Value{call}
	}
	longest := 1
	for _, list := range inputs {
		if len(list) == 0 {
			return nil
		}
		longest = max(longest, len(list))
	}
	all := make([]map[string]plugin.Value, longest)
	for i := range all {
		all[i] = make(map[string]plugin.Value, len(inputs))
		for name, list := range inputs {
			all[i][name] = list[min(i, len(list)-1)]
		}
	}
	return all
}

// collect adds what one call gave to what the calls before it gave.
func collect(s *Schema, made []values, got []plugin.Value) error {
	if len(got) != len(s.Outputs) {
		return fmt.Errorf("the plugin gave %d outputs; the class has %d", len(got), len(s.Outputs))
	}
	for i, v := range got {
		if out := s.Outputs[i]; out.List != (v.List != nil) {
			return fmt.Errorf("output %q: list is %v in the class's entry, %v in what the plugin gave", out.Name, out.List, v.List != nil)
		}
		made[i] = append(made[i], flat(v)...)
	}
	return nil
}

// mergeUI adds the ui object of one call, and the files that were written for it, to that of the calls before it: each member is a list,
// files stand under "images", where ComfyUI's clients look for them.
func mergeUI(before, now json.RawMessage, files []SavedFile) (json.RawMessage, error) {
	if len(files) == 0 && (len(before) == 0 || len(now) == 0) {
		if len(now) > 0 {
			return now, nil
		}
		return before, nil
	}
	merged := map[string]any{}
	for _, text := range []json.RawMessage{before, now} {
		if len(text) == 0 {
			continue
		}
		v, err := decodeValue(text)
		object, ok := v.(map[string]any)
		if err != nil || !ok {
			return nil, fmt.Errorf("the plugin gave a ui that is no object: %.80s", text)
		}
		for key, value := range object {
			list, isList := value.([]any)
			if old, ok := merged[key].([]any); ok && isList {
				value = append(old, list...)
			}
			merged[key] = value
		}
	}
	for _, f := range files {
		key := "images"
		if strings.HasSuffix(f.Name, ".latent") { // no editor can show these
			key = "latents"
		}
		list, _ := merged[key].([]any)
		merged[key] = append(list, f)
	}
	return plainJSON(merged)
}
