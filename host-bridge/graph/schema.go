package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Schemas are the nodes that can be used, by class.
type Schemas map[string]*Schema

// Schema is what a node takes and gives: one entry of ComfyUI's /object_info, as far as a host needs it.
type Schema struct {
	Class       string
	DisplayName string
	Category    string
	Description string
	// Inputs, the required ones first, each group in the order of input_order. Hidden inputs are not among them: the
	// process that runs the node fills them in.
	Inputs  []InputSchema
	Outputs []OutputSchema
	// Output says that the node's effect is wanted for itself: it is what makes a workflow run.
	Output bool
	// Distinct: two nodes of equal inputs may give different results, as the class is not idempotent or wants to know the
	// node's id. They share neither a run nor a cached result.
	Distinct bool
	// InputIsList: the node gets at every input the list of all values and runs once, where another would run once for each.
	InputIsList bool
	// Limits bound numbers more narrowly than their inputs do.
	Limits []Limit
}

// InputSchema is one input of a class.
type InputSchema struct {
	Name     string
	Required bool
	// Type is the type name, "A,B" for a union, "*" for anything; "COMBO" for a list of choices in either notation.
	Type string
	// Choices of a combo; nil where the choices are not the host's to check (remote ones).
	Choices []any
	// List says that the combo takes a list of choices.
	List bool
	// Min and Max bound numbers; empty where there is no bound.
	Min, Max json.Number
	// Default is what a node takes where the input is not given; nil where there is none.
	Default any
	// Tooltip explains the input in a sentence; may be empty.
	Tooltip string
	// Files says that the value names a file of the host, and which: "image", "latent" or "any"; empty where it does not.
	Files string
	// Exists, where it is not nil, tells whether such a file is there.
	Exists func(FileRef) bool
	// Config is the entry [type, options] itself: clients want it back in errors.
	Config json.RawMessage

	// listed: the old notation, where the choices stand in place of the type.
	listed bool
}

// OutputSchema is one output of a class.
type OutputSchema struct {
	Type, Name string
	// List: the node gives a list of values, for each of which what takes this output runs.
	List bool
}

const comboType = "COMBO"

// Input finds an input of the class by its name.
func (s *Schema) Input(name string) (*InputSchema, bool) {
	for i := range s.Inputs {
		if s.Inputs[i].Name == name {
			return &s.Inputs[i], true
		}
	}
	return nil, false
}

// ParseSchemas reads entries of /object_info. All entries that cannot be read are named in the error.
func ParseSchemas(entries map[string]json.RawMessage) (Schemas, error) {
	schemas := make(Schemas, len(entries))
	var failed []error
	for _, class := range slices.Sorted(maps.Keys(entries)) {
		s, err := parseSchema(class, entries[class])
		if err != nil {
			failed = append(failed, fmt.Errorf("node class %q: %w", class, err))
			continue
		}
		schemas[class] = s
	}
	return schemas, errors.Join(failed...)
}

func parseSchema(class string, entry json.RawMessage) (*Schema, error) {
	var raw struct {
		Input struct {
			Required, Optional json.RawMessage
			Hidden             map[string]json.RawMessage
		}
		InputOrder struct {
			Required, Optional []string
		} `json:"input_order"`
		Output      []json.RawMessage
		OutputName  []string `json:"output_name"`
		DisplayName string   `json:"display_name"`
		Category    string
		Description string
		OutputNode  bool   `json:"output_node"`
		OutputList  []bool `json:"output_is_list"`
		InputIsList bool   `json:"is_input_list"`
		// NotIdempotent is in no entry of ComfyUI's own; plugins may say it.
		NotIdempotent bool `json:"not_idempotent"`
		// Nor are limits.
		Limits []Limit
	}
	if err := json.Unmarshal(entry, &raw); err != nil {
		return nil, fmt.Errorf("cannot read its entry: %w", err)
	}
	s := &Schema{Class: class, DisplayName: raw.DisplayName, Category: raw.Category, Description: raw.Description, Output: raw.OutputNode, Distinct: raw.NotIdempotent, InputIsList: raw.InputIsList, Limits: raw.Limits}
	for _, hidden := range raw.Input.Hidden {
		if string(hidden) == `"UNIQUE_ID"` || string(hidden) == `["UNIQUE_ID"]` {
			s.Distinct = true
		}
	}
	groups := []struct {
		members  json.RawMessage
		order    []string
		required bool
	}{{raw.Input.Required, raw.InputOrder.Required, true}, {raw.Input.Optional, raw.InputOrder.Optional, false}}
	for _, g := range groups {
		inputs, err := parseInputSchemas(g.members, g.order, g.required)
		if err != nil {
			return nil, err
		}
		s.Inputs = append(s.Inputs, inputs...)
	}
	for i, o := range raw.Output {
		out := OutputSchema{Type: comboType} // a list of choices stands where a name could
		if len(o) > 0 && o[0] == '"' {
			if err := json.Unmarshal(o, &out.Type); err != nil {
				return nil, fmt.Errorf("output %d: %w", i, err)
			}
		}
		out.Name = out.Type
		if i < len(raw.OutputName) {
			out.Name = raw.OutputName[i]
		}
		out.List = i < len(raw.OutputList) && raw.OutputList[i]
		s.Outputs = append(s.Outputs, out)
	}
	return s, nil
}

func parseInputSchemas(group json.RawMessage, order []string, required bool) ([]InputSchema, error) {
	if len(group) == 0 || string(group) == "null" {
		return nil, nil
	}
	doc, err := newDocument(group)
	if err != nil {
		return nil, err
	}
	members, err := doc.members(doc.root, "inputs", "entries by name")
	if err != nil {
		return nil, err
	}
	place := func(m member) int {
		if i := slices.Index(order, m.key); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(members, func(a, b member) int { return place(a) - place(b) })
	inputs := make([]InputSchema, 0, len(members))
	for _, m := range members {
		in, err := parseInputSchema(m.value.text)
		if err != nil {
			return nil, fmt.Errorf("input %q: %w", m.key, err)
		}
		in.Name, in.Required = m.key, required
		inputs = append(inputs, in)
	}
	return inputs, nil
}

func parseInputSchema(entry json.RawMessage) (InputSchema, error) {
	var in InputSchema
	v, err := decodeValue(entry)
	if err != nil {
		return in, err
	}
	pair, ok := v.([]any)
	if !ok || len(pair) == 0 {
		return in, fmt.Errorf("is %s; expected [type, options]", entry)
	}
	options := map[string]any{}
	if len(pair) > 1 && pair[1] != nil {
		if options, ok = pair[1].(map[string]any); !ok {
			return in, fmt.Errorf("its options are no object: %s", entry)
		}
	}
	switch t := pair[0].(type) {
	case string:
		in.Type = t
		if t == comboType && options["remote"] == nil && options["remote_combo"] == nil {
			in.Choices, _ = options["options"].([]any)
			if in.Choices == nil {
				in.Choices = []any{}
			}
		}
	case []any:
		in.Type, in.Choices, in.listed = comboType, t, true
	default:
		return in, fmt.Errorf("its type is neither a name nor a list of choices: %s", entry)
	}
	in.List = options["multiselect"] == true || options["multi_select"] != nil && options["multi_select"] != false
	in.Min, _ = options["min"].(json.Number)
	in.Max, _ = options["max"].(json.Number)
	in.Default = options["default"]
	in.Tooltip, _ = options["tooltip"].(string)
	if in.Files, _ = options["input_files"].(string); in.Files != "" {
		in.Choices = nil // files come and go
	}
	in.Config, err = plainJSON([]any{pair[0], options})
	return in, err
}
