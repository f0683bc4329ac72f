package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/host-bridge/graph"
)

// setting is one --set: node, input and value, such as 3.seed=7.
type setting struct {
	node, input, value string
}

// UnmarshalText reads "node.input=value". Neither a node's id nor an input's name holds "="; an id may hold points.
func (s *setting) UnmarshalText(text []byte) error {
	place, value, ok := strings.Cut(string(text), "=")
	at := strings.LastIndexByte(place, '.')
	if !ok || at <= 0 || at == len(place)-1 {
		return fmt.Errorf("%q: expected NODE.INPUT=VALUE, such as 3.seed=7", text)
	}
	*s = setting{node: place[:at], input: place[at+1:], value: value}
	return nil
}

func (s setting) String() string { return s.node + "." + s.input + "=" + s.value }

// apply changes the workflow. The value is text where the input takes text, else JSON (7, true, ["4",0]), and text again
// where it is no JSON.
func (s setting) apply(w *graph.Workflow, schemas graph.Schemas) error {
	n, ok := w.Node(s.node)
	if !ok {
		var ids []string
		for _, n := range w.Nodes {
			ids = append(ids, n.ID)
		}
		return fmt.Errorf("--set %s: the workflow has no node %q; it has %s", s, s.node, shorten(ids))
	}
	schema := schemas[n.Class]
	if schema == nil {
		return nil // Validate says so
	}
	in, ok := schema.Input(s.input)
	if !ok {
		var names []string
		for _, in := range schema.Inputs {
			names = append(names, in.Name)
		}
		return fmt.Errorf("--set %s: %s has no input %q; it has %s", s, n.Class, s.input, shorten(names))
	}
	n.Set(s.input, s.read(in))
	return nil
}

func (s setting) read(in *graph.InputSchema) any {
	if in.Type == "STRING" || slices.Contains(in.Choices, any(s.value)) {
		return s.value
	}
	d := json.NewDecoder(bytes.NewReader([]byte(s.value)))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil || d.More() {
		return s.value
	}
	return v
}

// shorten lists names, the first twenty of them.
func shorten(names []string) string {
	const most = 20
	if len(names) == 0 {
		return "none"
	}
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}
