package graph

import (
	"fmt"
	"strings"

	"github.com/isac-guidance/isac/plugin/pyvalue"
)

// link checks a list, which always means a link.
func (v *validation) link(n *Node, in *InputSchema, list []any) (Link, bool) {
	if len(list) != 2 {
		v.add(n, Mistake{
			Type:      TypeBadLinkedInput,
			Message:   "Bad linked input, must be a length-2 list of [node_id, slot_index]",
			Details:   in.Name,
			ExtraInfo: map[string]any{"input_name": in.Name, "input_config": in.Config, "received_value": list},
		})
		return Link{}, false
	}
	from, known := v.workflow.Node(pyvalue.Str(list[0]))
	if _, isText := list[0].(string); !isText || !known {
		v.raise(n, "KeyError", fmt.Sprintf("%s: the link %s names a node that the workflow does not have", in.Name, pyvalue.Repr(list)))
		return Link{}, false
	}
	s := v.schemas[from.Class]
	if s == nil {
		return Link{}, false // reported as missing_node_type
	}
	link, ok := linkOf(list)
	switch {
	case !ok:
		v.raise(n, "TypeError", fmt.Sprintf("%s: the link %s names no output: its second part has to be a whole number", in.Name, pyvalue.Repr(list)))
		return Link{}, false
	case link.Slot < 0 || link.Slot >= len(s.Outputs):
		v.raise(n, "IndexError", fmt.Sprintf("%s: the link %s names output %d; %s has %d (0 is the first)",
			in.Name, pyvalue.Repr(list), link.Slot, from.Class, len(s.Outputs)))
		return Link{}, false
	}
	received := s.Outputs[link.Slot].Type
	if !typesMeet(received, in.Type) {
		v.add(n, Mistake{
			Type:    TypeReturnTypeMismatch,
			Message: "Return type mismatch between linked nodes",
			Details: fmt.Sprintf("%s, received_type(%s) mismatch input_type(%s)", in.Name, received, in.shownType()),
			ExtraInfo: map[string]any{"input_name": in.Name, "input_config": in.Config,
				"received_type": received, "linked_node": list},
		})
		return Link{}, false
	}
	return link, true
}

// raise reports what is an exception in ComfyUI: there it is found while an output node is validated, or while a node
// that needs this one is, and then it belongs to that node's input.
func (v *validation) raise(n *Node, exception, text string) {
	m := Mistake{
		Type: TypeExceptionDuring, Message: "Exception when validating node", Details: text,
		ExtraInfo: map[string]any{"exception_type": exception, "traceback": []string{}},
	}
	if by, inner := v.parent[n]; inner {
		m.Type, m.Message = TypeExceptionInner, "Exception when validating inner node"
		m.ExtraInfo["input_name"] = by.input.Name
		m.ExtraInfo["input_config"] = by.input.Config
		m.ExtraInfo["exception_message"] = text
		m.ExtraInfo["linked_node"] = by.value
	}
	v.add(n, m)
}

// typesMeet says whether an output of one type may go to an input of the other: "*" goes with everything, and of unions
// such as "INT,FLOAT" one member in common is enough.
func typesMeet(output, input string) bool {
	received := strings.Split(output, ",")
	for _, want := range strings.Split(input, ",") {
		for _, have := range received {
			a, b := strings.TrimSpace(have), strings.TrimSpace(want)
			if a == b || a == "*" || b == "*" {
				return true
			}
		}
	}
	return false
}
