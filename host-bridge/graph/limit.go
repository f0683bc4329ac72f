package graph

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/isac-guidance/isac/plugin/pyvalue"
	"github.com/isac-guidance/isac/plugin/saveprefix"
)

// Limit is a bound of a number that is narrower than the input's own, which has to be ComfyUI's for its clients, or that depends on
// another input. What a node would refuse minutes later is so refused before anything runs.
type Limit struct {
	// Input is the number's name.
	Input string `json:"input"`
	// Share, where it is not empty, names an input in 0..1 that the number is divided by before it is held against Max; at 0 there is no
	// limit.
	Share string `json:"share"`
	// Max is the largest whole number that is taken.
	Max json.Number `json:"max"`
	// File says that the input is no number but the beginning of files' names, as package saveprefix reads it.
	File bool `json:"file"`
	// Why says what sets the bound.
	Why string `json:"why"`
}

// limits checks what of a node is given by value; what comes by a link is for the node itself to check.
func (v *validation) limits(n *Node, s *Schema, values map[string]any) {
	for _, limit := range s.Limits {
		in, known := s.Input(limit.Input)
		if limit.File {
			if text, ok := values[limit.Input].(string); ok && known {
				v.prefix(n, in, text)
			}
			continue
		}
		number, given := constantNumber(values, limit.Input)
		most, bounded := limit.most(values)
		if !known || !given || !bounded || pyvalue.Compare(number, most) <= 0 {
			continue
		}
		details := limit.Input
		if share, ok := constantNumber(values, limit.Share); ok {
			details += fmt.Sprintf(" at %s %s", limit.Share, pyvalue.Str(share))
		}
		if limit.Why != "" {
			details += ", as " + limit.Why
		}
		delete(values, limit.Input)
		v.add(n, Mistake{
			Type: TypeValueBiggerThanMax, Details: details,
			Message:   fmt.Sprintf("Value %s bigger than max of %s", pyvalue.Str(number), most),
			ExtraInfo: map[string]any{"input_name": limit.Input, "input_config": in.Config, "received_value": number},
		})
	}
}

// prefix checks the beginning of files' names.
func (v *validation) prefix(n *Node, in *InputSchema, text string) {
	if err := saveprefix.Check(text); err != nil {
		v.add(n, Mistake{
			Type: TypeCustomValidation, Message: "Custom validation failed for node", Details: in.Name + " - " + err.Error(),
			ExtraInfo: map[string]any{"input_name": in.Name, "input_config": in.Config, "received_value": text},
		})
	}
}

// most is the largest whole number that the limit takes with these values: the largest n with n/share < Max+1.
func (l Limit) most(values map[string]any) (json.Number, bool) {
	highest, err := l.Max.Int64()
	if err != nil {
		return "", false
	}
	if l.Share == "" {
		return l.Max, true
	}
	number, ok := constantNumber(values, l.Share)
	if !ok {
		return "", false
	}
	share, err := number.Float64()
	if err != nil || !(share > 0 && share <= 1) {
		return "", false
	}
	most := int64(math.Floor(float64(highest+1) * share))
	for most > highest || most > 0 && float64(most)/share >= float64(highest+1) {
		most--
	}
	return json.Number(fmt.Sprint(most)), true
}

func constantNumber(values map[string]any, name string) (json.Number, bool) {
	value, ok := values[name]
	if !ok {
		return "", false
	}
	if _, link := value.(Link); link {
		return "", false
	}
	return pyvalue.Number(value)
}
