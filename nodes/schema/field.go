package schema

import (
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"strings"
)

// field is one input, as its tags describe it.
type field struct {
	index    int    // in the struct
	goName   string // for panics
	name     string // in the graph
	kind     string // Int, Float, …, or a link's type
	link     bool
	unsigned bool
	optional bool
	combo    string
	// upload: the combo's choices are files that the host has and this process does not.
	upload bool

	// Literals as they stand in the tags; "" where absent. Kept as text so that a 64-bit bound loses nothing on its way to JSON.
	def, min, max string
	options       []Option
}

// Option is one entry of an input's options object; Value is JSON.
type Option struct {
	Name  string
	Value json.RawMessage
}

// optionTags are the tags that become options, in the order in which ComfyUI's nodes write them.
var optionTags = []struct{ name, json string }{
	{"default", ""}, {"min", ""}, {"max", ""}, {"step", ""}, {"round", ""},
	{"multiline", Boolean}, {"placeholder", String}, {"dynamicPrompts", Boolean}, {"forceInput", Boolean},
	{"label_on", String}, {"label_off", String}, {"control_after_generate", Boolean},
	{"image_upload", Boolean}, {"input_files", String},
	{"advanced", Boolean}, {"presets", anything}, {"tooltip", String},
}

func newField(sf reflect.StructField) field {
	name, _, _ := strings.Cut(sf.Tag.Get("mapstructure"), ",")
	f := field{goName: sf.Name, name: name, combo: sf.Tag.Get("combo")}
	var err error
	f.kind, err = typeName(sf.Type, f.combo != "")
	if err != nil {
		panic(fmt.Sprintf("schema: field %s: %v", sf.Name, err))
	}
	f.link = sf.Type.Implements(linkType)
	f.unsigned = sf.Type.Kind() == reflect.Uint64
	_, f.upload = sf.Tag.Lookup("input_files")
	f.optional = sf.Tag.Get("optional") == "true"
	f.def, f.min, f.max = sf.Tag.Get("default"), sf.Tag.Get("min"), sf.Tag.Get("max")
	for _, o := range optionTags {
		text, ok := sf.Tag.Lookup(o.name)
		if !ok {
			continue
		}
		kind := o.json
		if kind == "" {
			kind = f.kind
		}
		value, err := literal(kind, text)
		if err != nil {
			panic(fmt.Sprintf("schema: field %s, tag %s: %v", sf.Name, o.name, err))
		}
		f.options = append(f.options, Option{Name: o.name, Value: value})
	}
	return f
}

// anything is the kind of a tag whose text is JSON.
const anything = "JSON"

// literal makes JSON of a tag's text, of the kind that is to hold it.
func literal(kind, text string) (json.RawMessage, error) {
	switch kind {
	case Int:
		if _, ok := new(big.Int).SetString(text, 10); !ok {
			return nil, fmt.Errorf("%q is no integer", text)
		}
		return json.RawMessage(text), nil
	case Float:
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return nil, fmt.Errorf("%q is no number", text)
		}
		return json.RawMessage(text), nil
	case Boolean:
		if text != "true" && text != "false" {
			return nil, fmt.Errorf("%q is neither true nor false", text)
		}
		return json.RawMessage(text), nil
	case String, Combo:
		return marshal(text), nil
	case anything:
		if !json.Valid([]byte(text)) {
			return nil, fmt.Errorf("%q is no JSON", text)
		}
		return json.RawMessage(text), nil
	}
	return nil, fmt.Errorf("a link of type %s takes no such tag", kind)
}
