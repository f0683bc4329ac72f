package schema

import (
	"bytes"
	"encoding/json"
)

// Output is one result of a node: its type, the name under which editors show it, and what it is.
type Output struct{ Type, Name, Tooltip string }

// Hidden is an input that the host fills by itself, such as {"prompt", "PROMPT"}.
type Hidden struct{ Name, Type string }

// Info is a node's entry in ComfyUI's /object_info; it marshals to exactly that JSON.
type Info struct {
	Name, DisplayName, Description, Category string
	// Module is ComfyUI's python_module: where a pack of nodes comes from.
	Module     string
	OutputNode bool
	Required   []Input
	Optional   []Input
	Hidden     []Hidden
	Outputs    []Output
	// Limits are what a host can refuse before anything runs.
	Limits []Limit
}

// Limit is what of an input is not taken: a bound of a number that is narrower than the input's own, which is ComfyUI's, or that depends on another input. Entries of
// ComfyUI have none of it; editors that do not know it show the input's own bounds.
type Limit struct {
	// Input is the input's name.
	Input string `json:"input"`
	// Share, where it is not empty, names an input in 0..1 that the number is divided by before it is held against Max; 0 is no limit.
	Share string `json:"share,omitempty"`
	// Max is the largest whole number that is taken.
	Max int `json:"max,omitempty"`
	// File says that the input is no number but the beginning of files' names, as package saveprefix reads it.
	File bool `json:"file,omitempty"`
	// Why completes "…, as": what sets the bound.
	Why string `json:"why,omitempty"`
}

// Input is one input as editors see it.
type Input struct {
	Name string
	Type string
	// Choices are those of a combo, whose Type is Combo.
	Choices []string
	Options []Option
}

// Inputs lists the required and the optional inputs in the order of the struct's fields.
func (s *Schema) Inputs(lists Lists) (required, optional []Input) {
	for i := range s.fields {
		f := &s.fields[i]
		in := Input{Name: f.name, Type: f.kind, Options: f.options}
		if f.kind == Combo {
			in.Choices = f.choices(lists)
		}
		if f.optional {
			optional = append(optional, in)
		} else {
			required = append(required, in)
		}
	}
	return required, optional
}

// MarshalJSON writes [TYPE, {options}], and for a combo [[choices], {options}]: the older form, which every client reads.
func (in Input) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('[')
	if in.Type == Combo {
		choices := in.Choices
		if choices == nil {
			choices = []string{}
		}
		b.Write(marshal(choices))
	} else {
		b.Write(marshal(in.Type))
	}
	if len(in.Options) > 0 {
		b.WriteByte(',')
		options := object{}
		for _, o := range in.Options {
			options = append(options, member{o.Name, o.Value})
		}
		b.Write(marshal(options))
	}
	b.WriteByte(']')
	return b.Bytes(), nil
}

// MarshalJSON writes the entry with its keys in ComfyUI's order. Editors built before input_order existed show inputs in
// the order in which the JSON object has them, so that order is kept too.
func (n Info) MarshalJSON() ([]byte, error) {
	input, order := object{}, object{}
	group := func(name string, inputs []Input, always bool) {
		if len(inputs) == 0 && !always {
			return
		}
		members, names := object{}, []string{}
		for _, in := range inputs {
			members, names = append(members, member{in.Name, in}), append(names, in.Name)
		}
		input, order = append(input, member{name, members}), append(order, member{name, names})
	}
	group("required", n.Required, true)
	group("optional", n.Optional, false)
	if len(n.Hidden) > 0 {
		members, names := object{}, []string{}
		for _, h := range n.Hidden {
			members, names = append(members, member{h.Name, h.Type}), append(names, h.Name)
		}
		input, order = append(input, member{"hidden", members}), append(order, member{"hidden", names})
	}

	types, names, tips, lists := []string{}, []string{}, []string{}, []bool{}
	tipped := false
	for _, o := range n.Outputs {
		types, names, tips, lists = append(types, o.Type), append(names, o.Name), append(tips, o.Tooltip), append(lists, false)
		tipped = tipped || o.Tooltip != ""
	}
	out := object{
		{"input", input}, {"input_order", order},
		{"output", types}, {"output_is_list", lists}, {"output_name", names},
		{"name", n.Name}, {"display_name", n.DisplayName}, {"description", n.Description},
		{"python_module", n.Module}, {"category", n.Category}, {"output_node", n.OutputNode},
	}
	if tipped {
		out = append(out, member{"output_tooltips", tips})
	}
	if len(n.Limits) > 0 {
		out = append(out, member{"limits", n.Limits})
	}
	return out.MarshalJSON()
}

// object is a JSON object whose members keep their order.
type object []member

type member struct {
	name  string
	value any
}

func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(marshal(m.name))
		b.WriteByte(':')
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// marshal is json.Marshal for what cannot fail: strings, lists of strings and what is made of them here.
func marshal(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}
