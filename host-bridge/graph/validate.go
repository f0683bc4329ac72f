package graph

import (
	"fmt"
	"slices"
	"strings"
)

// Validate checks a workflow against the nodes that can be used and reports all its mistakes at once, in ComfyUI's words.
// As in ComfyUI only output nodes and what they need are checked: anything else in the workflow would not run.
// With targets, only these output nodes are wanted. The workflow is not changed.
func Validate(w *Workflow, schemas Schemas, targets ...string) *Report {
	v := &validation{
		workflow: w,
		schemas:  schemas,
		report:   &Report{workflow: w, schemas: schemas, values: map[*Node]map[string]any{}},
		mistakes: map[*Node][]Mistake{},
	}
	v.classes()
	outputs := v.outputs(targets)
	v.reach(outputs)
	for _, n := range w.Nodes {
		if v.reached[n] {
			v.node(n)
		}
	}
	v.cycles()
	v.conclude(outputs)
	return v.report
}

type validation struct {
	workflow *Workflow
	schemas  Schemas
	report   *Report
	mistakes map[*Node][]Mistake
	// reached are the nodes that outputs need; parent is the link by which a node was first reached.
	reached map[*Node]bool
	parent  map[*Node]use
}

// use is one input of one node that takes an output of another.
type use struct {
	node  *Node
	input *InputSchema
	value any
}

func (v *validation) add(n *Node, m Mistake) { v.mistakes[n] = append(v.mistakes[n], m) }

// classes reports every node, reached or not, whose class nobody offers.
func (v *validation) classes() {
	for _, n := range v.workflow.Nodes {
		if v.schemas[n.Class] != nil {
			continue
		}
		title := any(n.Title)
		m := Mistake{
			Type:    TypeMissingNodeType,
			Details: fmt.Sprintf("Node ID '#%s'", n.ID),
		}
		if n.Class == "" {
			name := n.Title
			if name == "" {
				name, title = "ID #"+n.ID, nil
			}
			m.Message = fmt.Sprintf("Node '%s' has no class_type. The workflow may be corrupted or a custom node is missing.", name)
			m.ExtraInfo = map[string]any{"node_id": n.ID, "class_type": nil, "node_title": title}
		} else {
			m.Message = fmt.Sprintf("Node '%s' not found. The custom node may not be installed.", n.Label())
			m.ExtraInfo = map[string]any{"node_id": n.ID, "class_type": n.Class, "node_title": n.Label()}
		}
		v.report.Missing = append(v.report.Missing, m)
	}
}

// outputs are the output nodes that are wanted, in the order of the workflow.
func (v *validation) outputs(targets []string) []*Node {
	var outputs []*Node
	for _, n := range v.workflow.Nodes {
		if s := v.schemas[n.Class]; s != nil && s.Output && (targets == nil || slices.Contains(targets, n.ID)) {
			outputs = append(outputs, n)
		}
	}
	return outputs
}

// reach finds the outputs' ancestors.
func (v *validation) reach(outputs []*Node) {
	v.reached, v.parent = map[*Node]bool{}, map[*Node]use{}
	todo := slices.Clone(outputs)
	for _, n := range outputs {
		v.reached[n] = true
	}
	for len(todo) > 0 {
		n := todo[0]
		todo = todo[1:]
		for _, u := range v.uses(n) {
			if !v.reached[u.node] {
				v.reached[u.node] = true
				v.parent[u.node] = use{node: n, input: u.input, value: u.value}
				todo = append(todo, u.node)
			}
		}
	}
}

// uses lists the nodes that a node takes outputs of, by the inputs that its class knows and in their order. Inputs that
// the class does not know are ignored as ComfyUI ignores them.
func (v *validation) uses(n *Node) []use {
	s := v.schemas[n.Class]
	if s == nil {
		return nil
	}
	var uses []use
	for i := range s.Inputs {
		value, ok := n.Input(s.Inputs[i].Name)
		if !ok {
			continue
		}
		if link, ok := linkOf(value); ok {
			if from, ok := v.workflow.Node(link.Node); ok {
				uses = append(uses, use{node: from, input: &s.Inputs[i], value: value})
			}
		}
	}
	return uses
}

// node checks the inputs of one node.
func (v *validation) node(n *Node) {
	s := v.schemas[n.Class]
	if s == nil {
		return
	}
	values := map[string]any{}
	v.report.values[n] = values
	for i := range s.Inputs {
		in := &s.Inputs[i]
		value, given := n.Input(in.Name)
		if !given {
			if in.Required {
				v.add(n, Mistake{
					Type: TypeRequiredInputMissing, Message: "Required input is missing", Details: in.Name,
					ExtraInfo: map[string]any{"input_name": in.Name},
				})
			}
			continue
		}
		if list, ok := value.([]any); ok {
			if link, ok := v.link(n, in, list); ok {
				values[in.Name] = link
			}
			continue
		}
		if value, ok := v.constant(n, in, value); ok {
			values[in.Name] = value
		}
	}
}

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
	from, known := v.workflow.Node(pyStr(list[0]))
	if _, isText := list[0].(string); !isText || !known {
		v.raise(n, "KeyError", fmt.Sprintf("%s: the link %s names a node that the workflow does not have", in.Name, pyRepr(list)))
		return Link{}, false
	}
	s := v.schemas[from.Class]
	if s == nil {
		return Link{}, false // reported as missing_node_type
	}
	link, ok := linkOf(list)
	switch {
	case !ok:
		v.raise(n, "TypeError", fmt.Sprintf("%s: the link %s names no output: its second part has to be a whole number", in.Name, pyRepr(list)))
		return Link{}, false
	case link.Slot < 0 || link.Slot >= len(s.Outputs):
		v.raise(n, "IndexError", fmt.Sprintf("%s: the link %s names output %d; %s has %d (0 is the first)",
			in.Name, pyRepr(list), link.Slot, from.Class, len(s.Outputs)))
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

// conclude turns what was found into the report.
func (v *validation) conclude(outputs []*Node) {
	r := v.report
	dependents := v.dependents(outputs)
	failed := map[*Node]bool{}
	for _, n := range v.workflow.Nodes {
		if len(v.mistakes[n]) == 0 {
			if v.reached[n] && v.schemas[n.Class] == nil {
				markAll(failed, dependents(n))
			}
			continue
		}
		blocked := dependents(n)
		markAll(failed, blocked)
		nm := NodeMistakes{ID: n.ID, Title: n.Title, Class: n.Class, Mistakes: v.mistakes[n], DependentOutputs: []string{}}
		for _, o := range blocked {
			nm.DependentOutputs = append(nm.DependentOutputs, o.ID)
		}
		r.Nodes = append(r.Nodes, nm)
	}
	for _, o := range outputs {
		if !failed[o] {
			r.Outputs = append(r.Outputs, o.ID)
		}
	}
	switch {
	case len(r.Missing) > 0: // ComfyUI refuses the whole workflow then
		r.Error, r.Outputs = &r.Missing[0], nil
	case len(outputs) == 0:
		r.Error = &Mistake{Type: TypeNoOutputs, Message: "Prompt has no outputs", ExtraInfo: map[string]any{}}
	case len(r.Outputs) == 0:
		var lines []string
		for _, n := range r.Nodes {
			for _, m := range n.Mistakes {
				lines = append(lines, m.Message+": "+m.Details)
			}
		}
		r.Error = &Mistake{
			Type: TypeOutputsFailed, Message: "Prompt outputs failed validation",
			Details: strings.Join(lines, "\n"), ExtraInfo: map[string]any{},
		}
	}
}

func markAll(set map[*Node]bool, nodes []*Node) {
	for _, n := range nodes {
		set[n] = true
	}
}

// dependents gives a function that lists the outputs that need a node, in the order of the workflow.
func (v *validation) dependents(outputs []*Node) func(*Node) []*Node {
	users := map[*Node][]*Node{}
	for n := range v.reached {
		for _, u := range v.uses(n) {
			users[u.node] = append(users[u.node], n)
		}
	}
	return func(start *Node) []*Node {
		seen := map[*Node]bool{start: true}
		for todo := []*Node{start}; len(todo) > 0; {
			n := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			for _, user := range users[n] {
				if !seen[user] {
					seen[user] = true
					todo = append(todo, user)
				}
			}
		}
		var found []*Node
		for _, o := range outputs {
			if seen[o] {
				found = append(found, o)
			}
		}
		return found
	}
}
