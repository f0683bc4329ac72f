package comfyapi

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/isac-guidance/isac/host-bridge/graph"
)

// nodeList are the nodes that workers offer, read once as long as they stay the same.
type nodeList struct {
	mu      sync.Mutex
	entries map[string]json.RawMessage
	schemas graph.Schemas
}

// schemasOf gives what validation needs of the entries. An entry that cannot be read is left out, and logged.
func (s *Server) schemasOf(ctx context.Context) (graph.Schemas, error) {
	entries, err := s.queue.Nodes(ctx)
	if err != nil {
		return nil, wrongStatus(http.StatusServiceUnavailable, "no worker says which nodes it has: %v", err)
	}
	if len(entries) == 0 {
		return nil, wrongStatus(http.StatusServiceUnavailable, "there is no worker yet that has nodes; try again in a moment")
	}
	n := &s.nodes
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.schemas != nil && maps.EqualFunc(n.entries, entries, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) }) {
		return n.schemas, nil
	}
	schemas, err := graph.ParseSchemas(entries)
	if err != nil {
		s.log.Warn("nodes are left out", "error", err)
	}
	for _, schema := range schemas {
		for i := range schema.Inputs {
			if in := &schema.Inputs[i]; in.Files != "" {
				in.Exists = s.exists
			}
		}
	}
	n.entries, n.schemas = entries, schemas
	return schemas, nil
}

func (s *Server) objectInfo(w http.ResponseWriter, r *http.Request) error {
	entries, err := s.queue.Nodes(r.Context())
	if err != nil {
		return wrongStatus(http.StatusServiceUnavailable, "no worker says which nodes it has: %v", err)
	}
	entries, err = s.withFiles(r.Context(), entries)
	if err != nil {
		return err
	}
	out := ordered{}
	for _, class := range slices.Sorted(maps.Keys(entries)) {
		out.add(class, entries[class])
	}
	answerText(w, http.StatusOK, out.text())
	return nil
}

func (s *Server) objectInfoOf(w http.ResponseWriter, r *http.Request) error {
	entries, err := s.queue.Nodes(r.Context())
	if err != nil {
		return wrongStatus(http.StatusServiceUnavailable, "no worker says which nodes it has: %v", err)
	}
	out := ordered{}
	class := r.PathValue("class")
	if entry, ok := entries[class]; ok {
		filled, err := s.withFiles(r.Context(), map[string]json.RawMessage{class: entry})
		if err != nil {
			return err
		}
		out.add(class, filled[class])
	}
	answerText(w, http.StatusOK, out.text())
	return nil
}

// ordered is a JSON object whose members keep their order.
type ordered struct {
	b     bytes.Buffer
	count int
}

func (o *ordered) add(key string, value json.RawMessage) {
	name, err := plainJSON(key)
	if err != nil { // any string can be written
		panic(err)
	}
	if o.count++; o.count > 1 {
		o.b.WriteByte(',')
	}
	o.b.Write(name)
	o.b.WriteByte(':')
	o.b.Write(value)
}

func (o *ordered) text() []byte { return slices.Concat([]byte("{"), o.b.Bytes(), []byte("}")) }
