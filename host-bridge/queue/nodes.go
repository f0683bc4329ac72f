package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/isac-guidance/isac/host-bridge/store"
)

// nodesAge is how long an answer of the workers is good: lists of files in it change.
const nodesAge = time.Second

// nodesKey is where the last known entries lie, for a server that starts before its workers.
const nodesKey = "nodes"

// nodes knows what the workers can run.
type nodes struct {
	server *Server
	last   store.Values

	mu      sync.Mutex
	entries map[string]json.RawMessage
	asked   time.Time
	written string
}

func newNodes(s *Server) (*nodes, error) {
	last, err := s.journal.Values(serverValues)
	return &nodes{server: s, last: last}, err
}

// Nodes are the /object_info entries, by class, of all workers that live; where none lives, those that were known last. Of two
// workers that offer one class, the entry of the one whose id sorts first is given.
func (s *Server) Nodes(ctx context.Context) (map[string]json.RawMessage, error) {
	return s.nodes.get(ctx)
}

func (n *nodes) get(ctx context.Context) (map[string]json.RawMessage, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.entries != nil && time.Since(n.asked) < nodesAge {
		return n.entries, nil
	}
	entries, err := n.ask(ctx)
	if len(entries) > 0 {
		n.entries, n.asked = entries, time.Now()
		n.write(ctx)
		return entries, nil
	}
	// Who comes next is not to wait again for workers that are silent.
	n.asked = time.Now()
	if n.entries != nil {
		return n.entries, nil
	}
	if text, _, read := n.last.Get(ctx, nodesKey); read == nil {
		if json.Unmarshal(text, &entries) == nil {
			n.entries, n.written = entries, string(text)
			return entries, nil
		}
	} else if !errors.Is(read, fs.ErrNotExist) {
		err = errors.Join(err, read)
	}
	if err == nil {
		err = errors.New("no worker lives; start one with isac-host worker, or look in its log why it ended")
	}
	return nil, fmt.Errorf("ask workers for their nodes: %w", err)
}

// ask asks every worker that lives.
func (n *nodes) ask(ctx context.Context) (map[string]json.RawMessage, error) {
	ctx, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	workers := n.server.workers.living()
	answers := make([]map[string]json.RawMessage, len(workers))
	failed := make([]error, len(workers))
	var all sync.WaitGroup
	for i, w := range workers {
		all.Go(func() { answers[i], failed[i] = n.server.conn.describe(ctx, w.ID) })
	}
	all.Wait()
	entries := map[string]json.RawMessage{}
	for _, answer := range answers {
		for class, entry := range answer {
			if entries[class] == nil {
				entries[class] = entry
			}
		}
	}
	return entries, errors.Join(failed...)
}

// write keeps the entries where they have changed.
func (n *nodes) write(ctx context.Context) {
	text, err := json.Marshal(n.entries) // sorts by class
	if err != nil || string(text) == n.written {
		return
	}
	if err := n.last.Put(ctx, nodesKey, text); err != nil {
		n.server.log.Warn("cannot keep the workers' nodes for the next start", "reason", err.Error())
		return
	}
	n.written = string(text)
}

// description is a worker's answer.
type description struct {
	Nodes map[string]json.RawMessage `json:"nodes"`
	Error string                     `json:"error,omitempty"`
}

func (c *Conn) describe(ctx context.Context, worker string) (map[string]json.RawMessage, error) {
	m, err := c.nc.RequestWithContext(ctx, describeSubject(worker), nil)
	if err != nil {
		return nil, fmt.Errorf("worker %s: %w", worker, err)
	}
	var d description
	if err := json.Unmarshal(m.Data, &d); err != nil {
		return nil, fmt.Errorf("worker %s: its answer cannot be read: %w", worker, err)
	}
	if d.Error != "" {
		return nil, fmt.Errorf("worker %s: %s", worker, d.Error)
	}
	return d.Nodes, nil
}
