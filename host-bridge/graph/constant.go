package graph

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/isac-guidance/isac/plugin/pyvalue"
)

// maxShownChoices is how many choices ComfyUI writes into an error; a list of model files can be very long.
const maxShownChoices = 20

// constant checks and converts a value that is not a link.
func (v *validation) constant(n *Node, in *InputSchema, value any) (any, bool) {
	if object, ok := value.(map[string]any); ok {
		if wrapped, ok := object["__value__"]; ok { // how a list that is no link is written
			value = wrapped
		}
	}
	converted, err := convert(value, in.Type)
	if err != nil {
		v.add(n, Mistake{
			Type:    TypeInvalidInputType,
			Message: fmt.Sprintf("Failed to convert an input value to a %s value", in.Type),
			Details: fmt.Sprintf("%s, %s, %s", in.Name, pyvalue.Str(value), err),
			ExtraInfo: map[string]any{"input_name": in.Name, "input_config": in.Config,
				"received_value": value, "exception_message": err.Error()},
		})
		return nil, false
	}
	if number, ok := pyvalue.Number(converted); ok {
		if m, bad := outOfBounds(in, number); bad {
			m.ExtraInfo = map[string]any{"input_name": in.Name, "input_config": in.Config, "received_value": converted}
			v.add(n, m)
			return nil, false
		}
	}
	if name, ok := converted.(string); ok && in.Files != "" && in.Exists != nil && !in.Exists(ParseFileRef(name)) {
		v.add(n, Mistake{
			Type: TypeCustomValidation, Message: "Custom validation failed for node",
			Details:   fmt.Sprintf("%s - Invalid %s file: %s", in.Name, strings.Replace(in.Files, "any", "image", 1), name),
			ExtraInfo: map[string]any{"input_name": in.Name},
		})
		return nil, false
	}
	if in.Choices != nil {
		if m, bad := notAmong(in, converted); bad {
			v.add(n, m)
			return nil, false
		}
	}
	return converted, true
}

func outOfBounds(in *InputSchema, number json.Number) (Mistake, bool) {
	shown := pyvalue.Str(number)
	if in.Type == "FLOAT" {
		f, _ := number.Float64() // convert has seen to it that it is finite
		shown = pyvalue.FormatFloat(f)
	}
	switch {
	case in.Min != "" && pyvalue.Compare(number, in.Min) < 0:
		return Mistake{
			Type: TypeValueSmallerThanMin, Details: in.Name,
			Message: fmt.Sprintf("Value %s smaller than min of %s", shown, pyvalue.Str(in.Min)),
		}, true
	case in.Max != "" && pyvalue.Compare(number, in.Max) > 0:
		return Mistake{
			Type: TypeValueBiggerThanMax, Details: in.Name,
			Message: fmt.Sprintf("Value %s bigger than max of %s", shown, pyvalue.Str(in.Max)),
		}, true
	}
	return Mistake{}, false
}

func notAmong(in *InputSchema, value any) (Mistake, bool) {
	given := []any{value}
	if list, ok := value.([]any); ok && in.List {
		given = list
	}
	var wrong, near []string
	for _, v := range given {
		if !in.has(v) {
			wrong = append(wrong, pyvalue.Repr(v))
			if hint := in.near(v); hint != "" {
				near = append(near, "; "+hint)
			}
		}
	}
	if len(wrong) == 0 {
		return Mistake{}, false
	}
	choices, config := pyvalue.Repr(in.Choices), any(in.Config)
	if len(in.Choices) > maxShownChoices {
		choices, config = fmt.Sprintf("(list of length %d)", len(in.Choices)), nil
	}
	return Mistake{
		Type:      TypeValueNotInList,
		Message:   "Value not in list",
		Details:   fmt.Sprintf("%s: %s not in %s", in.Name, strings.Join(wrong, ", "), choices) + strings.Join(near, ""),
		ExtraInfo: map[string]any{"input_name": in.Name, "input_config": config, "received_value": value},
	}, true
}

func (in *InputSchema) has(v any) bool {
	for _, choice := range in.Choices {
		if pyvalue.Equal(v, choice) {
			return true
		}
	}
	return false
}

// shownType is the type as ComfyUI prints it: the choices themselves in the old notation of a combo.
func (in *InputSchema) shownType() string {
	if in.listed {
		return pyvalue.Repr(in.Choices)
	}
	return in.Type
}
