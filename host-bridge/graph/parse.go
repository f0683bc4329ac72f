package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// The largest workflow that Parse reads. What people share is below one megabyte and a thousand nodes.
const (
	MaxWorkflowBytes = 16 << 20
	MaxNodes         = 10_000
)

const (
	uiFormatMessage = "this is a workflow of ComfyUI's editor (it has \"nodes\" and \"links\"), not its API format; " +
		"open it in ComfyUI and choose Workflow > Export (API), in old versions: Settings > Enable dev mode options, then Save (API Format)"
	requestMessage = "this is the body of a request to /prompt, not a workflow; give only what stands under \"prompt\""
)

// Parse reads a workflow in ComfyUI's API format. Numbers keep their literal, nodes and inputs their order.
// The error is a *ParseError with the place. What a workflow means is for Validate to check.
func Parse(text []byte) (*Workflow, error) {
	if len(text) > MaxWorkflowBytes {
		return nil, &ParseError{Type: TypeInvalidPrompt, Message: fmt.Sprintf(
			"the workflow has %d bytes; at most %d are read", len(text), MaxWorkflowBytes)}
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) // some Windows editors begin a file with it
	doc, err := newDocument(text)
	if err != nil {
		return nil, err
	}
	nodes, err := doc.members(doc.root, "a workflow", "nodes by id")
	if err != nil {
		return nil, err
	}
	if err := foreign(nodes); err != nil {
		return nil, err
	}
	if len(nodes) > MaxNodes {
		return nil, &ParseError{Type: TypeInvalidPrompt, Message: fmt.Sprintf(
			"the workflow has %d nodes; at most %d are read", len(nodes), MaxNodes)}
	}
	w := &Workflow{byID: make(map[string]*Node, len(nodes))}
	for _, m := range nodes {
		if _, twice := w.byID[m.key]; twice {
			return nil, doc.errorAt(m.at, "node id %q stands twice; give every node an id of its own", m.key)
		}
		n, err := parseNode(doc, m)
		if err != nil {
			return nil, err
		}
		w.byID[m.key] = n
		w.Nodes = append(w.Nodes, n)
	}
	return w, nil
}

func parseNode(doc *document, m member) (*Node, error) {
	what := fmt.Sprintf("node %q", m.key)
	fields, err := doc.members(m.value, what, "class_type and inputs")
	if err != nil {
		return nil, err
	}
	n := &Node{ID: m.key}
	seen := map[string]bool{}
	for _, f := range fields {
		if seen[f.key] {
			return nil, doc.errorAt(f.at, "%s has %s twice", what, f.key)
		}
		seen[f.key] = true
		switch f.key {
		case "class_type":
			if err := json.Unmarshal(f.value.text, &n.Class); err != nil || f.value.kind() != "a string" {
				return nil, doc.errorAt(f.value.at, "%s: class_type is %s; expected the name of a node class in quotes", what, f.value.kind())
			}
		case "inputs":
			if n.Inputs, err = parseInputs(doc, f.value, what); err != nil {
				return nil, err
			}
		case "_meta":
			n.meta = f.value.text
			n.Title = titleOf(f.value.text)
		}
		// Other members, such as is_changed, are what tools leave behind: ComfyUI ignores them too.
	}
	return n, nil
}

func parseInputs(doc *document, s span, what string) ([]Input, error) {
	members, err := doc.members(s, what+": inputs", "values by name")
	if err != nil {
		return nil, err
	}
	inputs := make([]Input, 0, len(members))
	seen := map[string]bool{}
	for _, m := range members {
		if seen[m.key] {
			return nil, doc.errorAt(m.at, "%s has input %q twice", what, m.key)
		}
		seen[m.key] = true
		v, err := decodeValue(m.value.text)
		if err != nil {
			return nil, doc.errorAt(m.value.at, "%s: input %q: %v", what, m.key, err)
		}
		inputs = append(inputs, Input{Name: m.key, Value: v})
	}
	return inputs, nil
}

// foreign recognises what people give in place of the API format.
func foreign(members []member) error {
	kinds := map[string]string{}
	for _, m := range members {
		kinds[m.key] = m.value.kind()
	}
	switch {
	case kinds["nodes"] == "a list", kinds["links"] == "a list":
		return &ParseError{Type: TypeInvalidPrompt, Message: uiFormatMessage}
	case kinds["prompt"] == "an object":
		for _, m := range members {
			var node map[string]json.RawMessage
			if m.key == "prompt" && json.Unmarshal(m.value.text, &node) == nil && node["class_type"] == nil {
				return &ParseError{Type: TypeInvalidPrompt, Message: requestMessage}
			}
		}
	}
	return nil
}

func titleOf(meta json.RawMessage) string {
	var m struct {
		Title any `json:"title"`
	}
	if json.Unmarshal(meta, &m) != nil {
		return ""
	}
	title, _ := m.Title.(string)
	// A title is printed in one line of a terminal.
	return strings.Join(strings.Fields(strings.Map(printable, title)), " ")
}

// decodeValue decodes one JSON value; numbers become json.Number.
func decodeValue(text json.RawMessage) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("more than one value")
	}
	return v, nil
}
