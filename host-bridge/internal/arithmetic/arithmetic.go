// Package arithmetic is a small set of nodes that compute with integers. It does what isac-plugin does with models, in
// microseconds and without libtorch: it holds values by handles, reports on its way and hands out files. The tests of the
// hosts run it, in process and behind a real plugin's connection.
package arithmetic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/isac-guidance/isac/plugin"
)

// Nodes runs the nodes of Entries and holds their values.
type Nodes struct {
	// Waiting is closed when a Wait node has begun to wait.
	Waiting chan struct{}
	// ReleaseError, where set, is what Release returns in the end.
	ReleaseError error
	// Prefix of all handles; different ones keep the handles of two processes apart.
	Prefix string

	mu       sync.Mutex
	values   map[string]int
	made     int
	most     int
	calls    []string
	requests map[string]plugin.Request
}

// New is a set without values.
func New() *Nodes {
	return &Nodes{values: map[string]int{}, requests: map[string]plugin.Request{}, Waiting: make(chan struct{})}
}

// Alive are the handles that nobody released.
func (n *Nodes) Alive() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Sorted(maps.Keys(n.values))
}

// Made counts all handles, Most those that were alive at once.
func (n *Nodes) Made() int { return n.made }

// Most is the largest number of handles that were alive at once.
func (n *Nodes) Most() int { return n.most }

// Calls are the ids of the nodes that ran, in order.
func (n *Nodes) Calls() []string { return n.calls }

// Request is what the node of this id was last asked.
func (n *Nodes) Request(id string) plugin.Request { return n.requests[id] }

// Execute runs one node.
func (n *Nodes) Execute(ctx context.Context, r plugin.Request, events func(plugin.Event)) (plugin.Result, error) {
	run, known := classes[r.Class]
	if !known {
		return plugin.Result{}, fmt.Errorf("no class %q", r.Class)
	}
	n.mu.Lock()
	n.calls = append(n.calls, r.NodeID)
	n.requests[r.NodeID] = r
	n.mu.Unlock()
	c := &call{nodes: n, ctx: ctx, request: r, events: events}
	result, err := run(c)
	if c.failure != nil {
		err = c.failure
	}
	return result, err
}

// Release drops values. Unlike a plugin it complains of those that are not alive: a host should know.
func (n *Nodes) Release(ctx context.Context, ids ...string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, id := range ids {
		if _, alive := n.values[id]; !alive {
			return fmt.Errorf("handle %s is not alive", id)
		}
		delete(n.values, id)
	}
	return n.ReleaseError
}

func (n *Nodes) hold(values ...int) plugin.Result {
	n.mu.Lock()
	defer n.mu.Unlock()
	outputs := make([]plugin.Value, len(values))
	for i, v := range values {
		n.made++
		id := fmt.Sprintf("%sh%d", n.Prefix, n.made)
		n.values[id] = v
		outputs[i] = plugin.Value{Handle: &plugin.Handle{ID: id, Type: "NUMBER"}}
	}
	n.most = max(n.most, len(n.values))
	return plugin.Result{Outputs: outputs}
}

// call is one run of one node.
type call struct {
	nodes   *Nodes
	ctx     context.Context
	request plugin.Request
	events  func(plugin.Event)
	// failure is the first input that could not be read.
	failure error
}

// number reads an input that is a handle or a JSON integer.
func (c *call) number(name string) int {
	v, given := c.request.Inputs[name]
	switch {
	case !given:
		c.failure = errors.Join(c.failure, fmt.Errorf("no input %q", name))
		return 0
	case v.Handle != nil:
		c.nodes.mu.Lock()
		defer c.nodes.mu.Unlock()
		n, alive := c.nodes.values[v.Handle.ID]
		if !alive {
			c.failure = errors.Join(c.failure, fmt.Errorf("input %q: handle %s is not alive", name, v.Handle.ID))
		}
		return n
	}
	n, err := strconv.Atoi(string(v.JSON))
	if err != nil {
		c.failure = errors.Join(c.failure, fmt.Errorf("input %q: %w", name, err))
	}
	return n
}

// text reads an input that is a JSON string, or a number.
func (c *call) text(name string) string {
	var text string
	if json.Unmarshal(c.request.Inputs[name].JSON, &text) == nil {
		return text
	}
	return strconv.Itoa(c.number(name))
}

func (c *call) given(name string) bool {
	_, given := c.request.Inputs[name]
	return given
}
