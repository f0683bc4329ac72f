package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/isac-guidance/isac/plugin"
)

// FileReader reads files that inputs of nodes name: what clients uploaded, or what nodes wrote.
type FileReader interface {
	// Read gives a whole file of a kind: "input", "output" or "temp".
	Read(ctx context.Context, kind, subfolder, name string) ([]byte, error)
}

// FileRef is a file as inputs of nodes name it.
type FileRef struct{ Kind, Subfolder, Name string }

// ParseFileRef reads a name as ComfyUI's nodes have it: "pets/cat.png" is a file of the input folder, and " [output]" or " [temp]" behind
// a name says another folder.
func ParseFileRef(text string) FileRef {
	ref := FileRef{Kind: "input"}
	for _, kind := range []string{"output", "input", "temp"} {
		if rest, ok := strings.CutSuffix(text, " ["+kind+"]"); ok {
			text, ref.Kind = rest, kind
			break
		}
	}
	folder, name := path.Split(strings.ReplaceAll(text, `\`, "/"))
	ref.Subfolder, ref.Name = strings.TrimSuffix(folder, "/"), name
	return ref
}

// readFiles reads the files that a task's inputs name by value.
func (r *run) readFiles(ctx context.Context, t *Task) error {
	for _, in := range t.Schema.Inputs {
		name, ok := t.Values[in.Name].(string)
		if in.Files == "" || !ok || r.options.Inputs == nil {
			continue
		}
		data, err := r.readFile(ctx, in.Name, name)
		if err != nil {
			return err
		}
		if r.contents[t.Node.ID] == nil {
			r.contents[t.Node.ID] = map[string][]byte{}
		}
		r.contents[t.Node.ID][in.Name] = data
	}
	return nil
}

func (r *run) readFile(ctx context.Context, input, name string) ([]byte, error) {
	ref := ParseFileRef(name)
	data, err := r.options.Inputs.Read(ctx, ref.Kind, ref.Subfolder, ref.Name)
	if err != nil {
		return nil, fmt.Errorf("input %q: file %q: %w", input, name, err)
	}
	return data, nil
}

// filesOf are the contents of the files that a call's inputs name: those that were read before, and those whose names only came along links.
func (r *run) filesOf(ctx context.Context, t *Task, inputs map[string]plugin.Value) (map[string][]byte, error) {
	var files map[string][]byte
	for _, in := range t.Schema.Inputs {
		value, given := inputs[in.Name]
		if in.Files == "" || !given || r.options.Inputs == nil {
			continue
		}
		data, known := r.contents[t.Node.ID][in.Name]
		if !known {
			var name string
			if err := json.Unmarshal(value.JSON, &name); err != nil {
				continue // the node says what it expects
			}
			var err error
			if data, err = r.readFile(ctx, in.Name, name); err != nil {
				return nil, err
			}
		}
		if files == nil {
			files = map[string][]byte{}
		}
		files[in.Name] = data
	}
	return files, nil
}
