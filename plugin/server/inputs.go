package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/plugin"
)

// inputs turns the request's inputs into what nodes take. All mistakes come in one error. done, never nil, has to be called
// when the node has ended: until then the values of handles stay open even if they are released.
func (r *run) inputs() (inputs map[string]any, done func(), err error) {
	inputs = make(map[string]any, len(r.request.Inputs))
	var held []func()
	done = func() {
		for _, free := range held {
			free()
		}
	}
	kind := plugin.KindUnknownHandle
	var names, mistakes []string
	mistake := func(name string, err error) {
		names = append(names, name)
		mistakes = append(mistakes, fmt.Sprintf("input %q: %v", name, err))
	}
	for _, name := range slices.Sorted(maps.Keys(r.request.Inputs)) {
		value, err := r.input(plugin.ValueFromProto(r.request.Inputs[name]), &held)
		if err != nil {
			if unknown := (unknownHandle{}); !errors.As(err, &unknown) {
				// Running a node again does not mend this one.
				kind = plugin.KindInvalidInput
			}
			mistake(name, err)
			continue
		}
		inputs[name] = value
	}
	if len(mistakes) > 0 {
		return nil, done, &plugin.Error{Kind: kind, Message: strings.Join(mistakes, "; "), Inputs: names}
	}
	return inputs, done, nil
}

// input is a value as a node gets it: decoded JSON, a live object, or a []any of these. What has to be let go after the node
// has run is added to held.
func (r *run) input(value plugin.Value, held *[]func()) (any, error) {
	switch {
	case value.List != nil:
		items := make([]any, len(value.List))
		for i, item := range value.List {
			var err error
			if items[i], err = r.input(item, held); err != nil {
				return nil, fmt.Errorf("item %d: %w", i, err)
			}
		}
		return items, nil
	case value.Handle != nil:
		live, free, err := r.handles.use(value.Handle.ID)
		if err != nil {
			return nil, unknownHandle{err}
		}
		*held = append(*held, free)
		return live, nil
	}
	return decode(value.JSON)
}

// unknownHandle is an input that running its node again would mend.
type unknownHandle struct{ error }

// decode reads one JSON document and keeps numbers as they are written: a seed does not fit into a float.
func decode(text []byte) (any, error) {
	if len(text) == 0 {
		return nil, fmt.Errorf("empty; expected a JSON document or a handle")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("more than one JSON document")
	}
	return value, nil
}
