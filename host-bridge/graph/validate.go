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
	v.limits(n, s, values)
}

// conclude turns what was found into the report.
func (v *validation) conclude(outputs []*Node) {
	r := v.report
	blocked := v.blocked(outputs)
	failed := map[*Node]bool{}
	for _, n := range v.workflow.Nodes {
		for _, o := range blocked[n] {
			failed[o] = true
		}
		if len(v.mistakes[n]) == 0 {
			continue
		}
		found := NodeMistakes{ID: n.ID, Title: n.Title, Class: n.Class, Mistakes: v.mistakes[n], DependentOutputs: []string{}}
		for _, o := range blocked[n] {
			found.DependentOutputs = append(found.DependentOutputs, o.ID)
		}
		r.Nodes = append(r.Nodes, found)
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

// blocked lists, for each node that cannot run for a reason of its own, the outputs that need it, in the order of the workflow.
func (v *validation) blocked(outputs []*Node) map[*Node][]*Node {
	blocked := map[*Node][]*Node{}
	wrong := func(n *Node) bool { return len(v.mistakes[n]) > 0 || v.schemas[n.Class] == nil }
	if !slices.ContainsFunc(v.workflow.Nodes, wrong) {
		return blocked
	}
	feeds := make(map[*Node][]use, len(v.reached))
	for n := range v.reached {
		feeds[n] = v.uses(n)
	}
	visited := map[*Node]*Node{} // by which output last
	for _, o := range outputs {
		visited[o] = o
		for todo := []*Node{o}; len(todo) > 0; {
			n := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if wrong(n) {
				blocked[n] = append(blocked[n], o)
			}
			for _, u := range feeds[n] {
				if visited[u.node] != o {
					visited[u.node] = o
					todo = append(todo, u.node)
				}
			}
		}
	}
	return blocked
}
