package main

import (
	"encoding/json"
	"slices"
)

// schema is what /object_info says of a node type, as far as it matters here.
type schema struct {
	Input struct {
		Required map[string]input `json:"required"`
		Optional map[string]input `json:"optional"`
	} `json:"input"`
}

// input is [type, options], where the type is a name, or a list of choices.
type input struct {
	choices []string
	listed  bool
}

// UnmarshalJSON reads the choices, in either of the two forms that ComfyUI has.
func (i *input) UnmarshalJSON(text []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil || len(parts) == 0 {
		return nil // a shape that says nothing of choices
	}
	if json.Unmarshal(parts[0], &i.choices) == nil {
		i.listed = true
		return nil
	}
	var kind string
	var options struct {
		Options []string `json:"options"`
	}
	if json.Unmarshal(parts[0], &kind) == nil && kind == "COMBO" && len(parts) > 1 && json.Unmarshal(parts[1], &options) == nil {
		i.choices, i.listed = options.Options, true
	}
	return nil
}

// settings are the choices that stand in every installation; others list its files, which a workflow of elsewhere cannot know.
var settings = []string{"sampler_name", "scheduler", "upscale_method", "crop", "method", "add_noise", "return_with_leftover_noise", "channel", "weight_type", "type"}

// unknown lists the choices of a node that the server does not have.
func (s schema) unknown(values map[string]json.RawMessage) (wrong []string) {
	for _, inputs := range []map[string]input{s.Input.Required, s.Input.Optional} {
		for name, in := range inputs {
			var value string
			if in.listed && slices.Contains(settings, name) && json.Unmarshal(values[name], &value) == nil && !slices.Contains(in.choices, value) {
				wrong = append(wrong, name+" "+value)
			}
		}
	}
	return wrong
}

// missing lists the required inputs that a node does not give.
func (s schema) missing(values map[string]json.RawMessage) (names []string) {
	for name := range s.Input.Required {
		if _, ok := values[name]; !ok {
			names = append(names, name)
		}
	}
	return names
}
