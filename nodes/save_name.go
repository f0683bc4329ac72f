package nodes

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// saveName is the pattern of File.Name for one image of a batch: ComfyUI's numbering, cats_00001_.png.
func saveName(name string, batch int) string {
	name = strings.ReplaceAll(name, "%batch_num%", strconv.Itoa(batch))
	return strings.ReplaceAll(name, "%", "%%") + "_%05d_.png"
}

// widgets reads what %Node.widget% stands for out of the workflow that comes with a run: a node is meant by its "Node name for S&R", which
// editors set to its class, else by its title. Of several the first counts.
type widgets struct {
	prompt map[string]struct {
		Class  string                     `json:"class_type"`
		Inputs map[string]json.RawMessage `json:"inputs"`
		Meta   struct{ Title string }     `json:"_meta"`
	}
	order []string
	named map[string]string // the editor's names, by id
}

func readWidgets(workflow json.RawMessage) *widgets {
	var both struct {
		Prompt, Workflow json.RawMessage
		Extra            struct{ Workflow json.RawMessage } `json:"extra_pnginfo"`
	}
	w := &widgets{named: map[string]string{}}
	if json.Unmarshal(workflow, &both) != nil || both.Prompt == nil {
		both.Prompt = workflow // a bare graph
	}
	if json.Unmarshal(both.Prompt, &w.prompt) != nil {
		return w // no graph names no nodes
	}
	w.order = membersOf(both.Prompt)
	var editor struct {
		Nodes []struct {
			ID         json.RawMessage
			Properties map[string]any
		}
	}
	for _, text := range []json.RawMessage{both.Workflow, both.Extra.Workflow} {
		if text == nil || json.Unmarshal(text, &editor) != nil {
			continue
		}
		for _, n := range editor.Nodes {
			if name, ok := n.Properties["Node name for S&R"].(string); ok {
				w.named[strings.Trim(string(n.ID), `"`)] = name
			}
		}
	}
	return w
}

// membersOf lists the names of an object's members in their order.
func membersOf(object json.RawMessage) (names []string) {
	d := json.NewDecoder(bytes.NewReader(object))
	if _, err := d.Token(); err != nil {
		return nil
	}
	for d.More() {
		name, err := d.Token()
		var skipped json.RawMessage
		if err != nil || d.Decode(&skipped) != nil {
			return names
		}
		if text, ok := name.(string); ok {
			names = append(names, text)
		}
	}
	return names
}

// value is the text of an input's value; false where there is no such node or input, or where it comes by a link.
func (w *widgets) value(node, widget string) (string, bool) {
	for _, called := range []func(id string) string{
		func(id string) string {
			if name, ok := w.named[id]; ok {
				return name
			}
			return w.prompt[id].Class
		},
		func(id string) string { return w.prompt[id].Meta.Title },
	} {
		for _, id := range w.order {
			if called(id) != node {
				continue
			}
			raw, ok := w.prompt[id].Inputs[widget]
			if !ok {
				return "", false
			}
			return textOf(raw)
		}
	}
	return "", false
}

// textOf writes a value as a page does: numbers without needless zeros.
func textOf(raw json.RawMessage) (string, bool) {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return "", false
	}
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case nil:
		return "", true
	case json.Number:
		if n, err := v.Float64(); err == nil && strings.ContainsAny(v.String(), ".eE") {
			return strconv.FormatFloat(n, 'f', -1, 64), true
		}
		return v.String(), true
	}
	return "", false
}
