package graph

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Workflow is a graph in ComfyUI's API format. Nodes keep the order in which the file gives them.
type Workflow struct {
	Nodes []*Node

	byID map[string]*Node
}

// Node is one node of a workflow.
type Node struct {
	// ID is unique in the workflow. Subgraph nodes have ids such as "12:5".
	ID string
	// Class is class_type; empty where the file gives none, which Validate reports.
	Class string
	// Title is _meta.title, the name that the user gave; may be empty.
	Title string
	// Inputs in the order of the file.
	Inputs []Input

	meta json.RawMessage
}

// Input is one input of a node as the workflow gives it.
type Input struct {
	Name string
	// Value is a constant (nil, bool, string, json.Number, []any, map[string]any) or a link: a list of two.
	Value any
}

// Link names one output of one node.
type Link struct {
	Node string
	Slot int
}

// Node finds a node by its id.
func (w *Workflow) Node(id string) (*Node, bool) {
	n, ok := w.byID[id]
	return n, ok
}

// Label is how messages name the node: its title where it has one, else its class.
func (n *Node) Label() string {
	switch {
	case n.Title != "":
		return n.Title
	case n.Class != "":
		return n.Class
	}
	return "#" + n.ID
}

// describe names the node in a sentence: node 3 (KSampler, "guided").
func (n *Node) describe() string {
	if n.Title != "" && n.Title != n.Class {
		return fmt.Sprintf("node %s (%s, %q)", n.ID, n.Class, n.Title)
	}
	return fmt.Sprintf("node %s (%s)", n.ID, n.Class)
}

// Input finds an input by its name.
func (n *Node) Input(name string) (any, bool) {
	for i := range n.Inputs {
		if n.Inputs[i].Name == name {
			return n.Inputs[i].Value, true
		}
	}
	return nil, false
}

// Set gives an input a value, in place of the one that it has. Numbers have to be json.Number.
func (n *Node) Set(name string, value any) {
	for i := range n.Inputs {
		if n.Inputs[i].Name == name {
			n.Inputs[i].Value = value
			return
		}
	}
	n.Inputs = append(n.Inputs, Input{Name: name, Value: value})
}

// MarshalJSON writes the API format again, nodes and inputs in their order: it is what a saved image carries.
func (w *Workflow) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, n := range w.Nodes {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := writeMember(&b, n.ID, n); err != nil {
			return nil, fmt.Errorf("node %q: %w", n.ID, err)
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// MarshalJSON writes the node in the API format.
func (n *Node) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(`{"inputs":{`)
	for i, in := range n.Inputs {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := writeMember(&b, in.Name, in.Value); err != nil {
			return nil, fmt.Errorf("input %q: %w", in.Name, err)
		}
	}
	b.WriteByte('}')
	if n.Class != "" {
		b.WriteByte(',')
		if err := writeMember(&b, "class_type", n.Class); err != nil {
			return nil, err
		}
	}
	if len(n.meta) > 0 {
		b.WriteByte(',')
		if err := writeMember(&b, "_meta", n.meta); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func writeMember(b *bytes.Buffer, key string, value any) error {
	k, err := plainJSON(key)
	if err != nil {
		return err
	}
	v, err := plainJSON(value)
	if err != nil {
		return err
	}
	b.Write(k)
	b.WriteByte(':')
	b.Write(v)
	return nil
}

// plainJSON is json.Marshal without the escaping of <, > and &, which prompts hold and people read.
func plainJSON(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// linkOf reads a value as a link as execution does: a list of a string and an integer.
func linkOf(v any) (Link, bool) {
	list, ok := v.([]any)
	if !ok || len(list) != 2 {
		return Link{}, false
	}
	id, ok := list[0].(string)
	if !ok {
		return Link{}, false
	}
	number, ok := list[1].(json.Number)
	if !ok {
		return Link{}, false
	}
	slot, err := number.Int64()
	if err != nil || int64(int(slot)) != slot {
		return Link{}, false
	}
	return Link{Node: id, Slot: int(slot)}, true
}
