package schema

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"

	"github.com/mitchellh/mapstructure"

	"github.com/isac-guidance/isac/plugin/pyvalue"
)

// Decode checks inputs and writes them to out, a pointer to the struct that s was read from.
//
// Values are what a JSON decoder with UseNumber gives, plain Go values, or a link's live value. They are converted as
// ComfyUI converts them: "12" and 12.7 are the INT 12, any text but the empty one is a true BOOLEAN, a number is a STRING as
// Python writes it, {"__value__": v} is v. An INT keeps all 64 bits. Inputs that the struct does not have are ignored, as ComfyUI
// does; an optional one that is absent or null takes its default. The error is Mistakes: everything that is wrong, at once.
func (s *Schema) Decode(inputs map[string]any, lists Lists, out any) error {
	target := reflect.ValueOf(out)
	if target.Kind() != reflect.Pointer || target.Type().Elem() != s.in {
		return fmt.Errorf("schema: decode into %T: expected *%v", out, s.in)
	}
	var mistakes Mistakes
	widgets, links := make(map[string]any, len(s.fields)), map[int]reflect.Value{}
	for i := range s.fields {
		f := &s.fields[i]
		value, given := inputs[f.name]
		if wrapped, ok := value.(map[string]any); ok && !f.link && len(wrapped) == 1 {
			if inner, ok := wrapped["__value__"]; ok {
				value = inner
			}
		}
		if f.optional && (!given || value == nil) {
			if f.def == "" {
				continue
			}
			value, given = f.defaultValue(), true
		}
		if !given {
			mistakes = append(mistakes, Mistake{Missing, f.name, "", f.expected(lists)})
			continue
		}
		if f.link {
			v := reflect.ValueOf(value)
			if !v.IsValid() || !v.Type().AssignableTo(s.in.Field(f.index).Type) || (v.Kind() == reflect.Pointer && v.IsNil()) {
				mistakes = append(mistakes, Mistake{WrongLink, f.name, show(value), f.expected(nil)})
			}
			links[f.index] = v
			continue
		}
		converted, kind := f.convert(value, lists)
		if kind != "" {
			mistakes = append(mistakes, Mistake{kind, f.name, show(value), f.expected(lists)})
			continue
		}
		widgets[f.name] = converted
	}
	if len(mistakes) > 0 {
		return mistakes
	}
	if err := mapstructure.Decode(widgets, out); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	// Live values do not go through mapstructure, which would copy what their pointers point at.
	for i, v := range links {
		target.Elem().Field(i).Set(v)
	}
	return nil
}

// defaultValue is the tag's default as a request would give it: in a request the text "false" is a true BOOLEAN.
func (f *field) defaultValue() any {
	if f.kind == Boolean {
		return f.def == "true"
	}
	return f.def
}

// convert makes of value what the widget's kind holds, by the rules of Python's int, float, str and bool, or says which kind of mistake
// it is.
func (f *field) convert(value any, lists Lists) (any, string) {
	of := pyvalue.TypeName(value)
	switch f.kind {
	case Int:
		n, err := pyvalue.Int(value)
		if err != nil {
			return nil, WrongType
		}
		return f.boundedInt(n)
	case Float:
		x, err := pyvalue.Float(value)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) { // Python reads these too; no node can use them
			return nil, WrongType
		}
		if low, err := strconv.ParseFloat(f.min, 64); err == nil && x < low {
			return nil, TooSmall
		}
		if high, err := strconv.ParseFloat(f.max, 64); err == nil && x > high {
			return nil, TooBig
		}
		return x, ""
	case Boolean:
		if of == "object" { // a link's value
			return nil, WrongType
		}
		return pyvalue.Bool(value), ""
	case Combo:
		// Not converted: ComfyUI compares a combo's value as it came.
		text, ok := value.(string)
		if ok && f.upload && text != "" {
			return text, ""
		}
		if !ok || !slices.Contains(f.choices(lists), text) {
			return nil, NotInList
		}
		return text, ""
	}
	// Python would write its own notation of lists, objects and null.
	if !slices.Contains([]string{"str", "int", "float", "bool"}, of) {
		return nil, WrongType
	}
	return pyvalue.Str(value), ""
}

// boundedInt holds n against the tag's bounds and against what the Go field holds, in exact arithmetic.
func (f *field) boundedInt(n *big.Int) (any, string) {
	if low, ok := new(big.Int).SetString(f.min, 10); ok && n.Cmp(low) < 0 {
		return nil, TooSmall
	}
	if high, ok := new(big.Int).SetString(f.max, 10); ok && n.Cmp(high) > 0 {
		return nil, TooBig
	}
	switch {
	case f.unsigned && n.IsUint64():
		return n.Uint64(), ""
	case !f.unsigned && n.IsInt64():
		return n.Int64(), ""
	case n.Sign() < 0:
		return nil, TooSmall
	}
	return nil, TooBig
}
