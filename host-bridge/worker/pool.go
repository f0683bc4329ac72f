package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/isac-guidance/isac/plugin"
)

// pool runs each node with the plugin that offers its class. It is a graph.Runner.
type pool struct {
	members []*member

	mu sync.Mutex
	// offers says whose a class is; owners, in which process a handle lives.
	offers map[string]*member
	owners map[string]owner
}

type owner struct {
	member *member
	client client
}

// newPool joins plugins. Two that offer one class are an error, which names all such classes.
func newPool(ctx context.Context, members []*member) (*pool, error) {
	p := &pool{members: members, owners: map[string]owner{}}
	_, err := p.describe(ctx)
	return p, err
}

// describe asks every plugin for its nodes, as lists of files in them change, and gives all of them, with the devices that there are.
func (p *pool) describe(ctx context.Context) (plugin.Description, error) {
	all := plugin.Description{Nodes: map[string]json.RawMessage{}}
	offers := map[string]*member{}
	twice := map[string][]string{}
	for i, m := range p.members {
		d, err := m.describe(ctx)
		if err != nil {
			return all, err
		}
		if i == 0 {
			all.Version, all.Torch, all.Devices, all.Families = d.Version, d.Torch, d.Devices, d.Families
		}
		for class, entry := range d.Nodes {
			if first := offers[class]; first != nil {
				if twice[class] == nil {
					twice[class] = []string{first.name}
				}
				twice[class] = append(twice[class], m.name)
				continue
			}
			offers[class], all.Nodes[class] = m, entry
		}
	}
	if len(twice) > 0 {
		var lines []string
		for _, class := range slices.Sorted(maps.Keys(twice)) {
			lines = append(lines, fmt.Sprintf("%s: %s", class, strings.Join(twice[class], " and ")))
		}
		return all, fmt.Errorf("more than one plugin offers a node class; start without one of them:\n  %s", strings.Join(lines, "\n  "))
	}
	p.mu.Lock()
	p.offers = offers
	p.mu.Unlock()
	return all, nil
}

// Execute runs a node.
func (p *pool) Execute(ctx context.Context, request plugin.Request, events func(plugin.Event)) (plugin.Result, error) {
	p.mu.Lock()
	m := p.offers[request.Class]
	p.mu.Unlock()
	if m == nil {
		return plugin.Result{}, fmt.Errorf("no plugin offers %s any more", request.Class)
	}
	live, err := m.get(ctx)
	if err != nil {
		return plugin.Result{}, err
	}
	if err := p.check(request, m, live); err != nil {
		return plugin.Result{}, err
	}
	result, err := func() (plugin.Result, error) {
		m.calls.RLock()
		defer m.calls.RUnlock()
		return live.Execute(ctx, request, events)
	}()
	if err != nil {
		if ctx.Err() != nil && alive(live) {
			m.suspect(live, fmt.Sprintf("node %s (%s)", request.NodeID, request.Class), m.patience, executing(live, request))
		}
		return result, err
	}
	m.good()
	p.mu.Lock()
	defer p.mu.Unlock()
	for id := range handlesOf(result.Outputs) {
		p.owners[id] = owner{m, live}
	}
	return result, nil
}

// check refuses handles of other processes: what a plugin holds does not leave it.
func (p *pool) check(request plugin.Request, m *member, live client) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(request.Inputs)) {
		for id := range handlesOf([]plugin.Value{request.Inputs[name]}) {
			o, known := p.owners[id]
			switch {
			case known && o.member != m:
				return fmt.Errorf("input %q comes from a node of plugin %s, and %s belongs to plugin %s: only text and numbers can go from one plugin to another",
					name, o.member.name, request.Class, m.name)
			case known && o.client != live:
				return fmt.Errorf("input %q was held by a plugin process that is gone; run the workflow again", name)
			}
		}
	}
	return nil
}

// Release gives handles back. Those of processes that are gone are gone with them.
func (p *pool) Release(ctx context.Context, ids ...string) error {
	of := map[client][]string{}
	p.mu.Lock()
	for _, id := range ids {
		if o, known := p.owners[id]; known {
			delete(p.owners, id)
			of[o.client] = append(of[o.client], id)
		}
	}
	p.mu.Unlock()
	var failed []error
	for live, ids := range of {
		if alive(live) {
			if err := live.Release(ctx, ids...); err != nil && alive(live) {
				failed = append(failed, err)
			}
		}
	}
	return errors.Join(failed...)
}

func alive(c client) bool {
	select {
	case <-c.Exited():
		return false
	default:
		return true
	}
}

// free gives memory back in every plugin that runs.
func (p *pool) free(ctx context.Context, handles bool) error {
	var failed []error
	for _, m := range p.members {
		if live := m.now(); live != nil {
			if err := live.Free(ctx, handles); err != nil {
				failed = append(failed, fmt.Errorf("plugin %s: %w", m.name, err))
			}
		}
	}
	if handles {
		p.mu.Lock()
		clear(p.owners)
		p.mu.Unlock()
	}
	return errors.Join(failed...)
}

// clients are the processes that run now; it waits for those that are being started. One that does not start is nil.
func (p *pool) clients(ctx context.Context) []client {
	found := make([]client, len(p.members))
	for i, m := range p.members {
		if live, err := m.get(ctx); err == nil {
			found[i] = live
		}
	}
	return found
}

// close ends all plugins.
func (p *pool) close() error {
	failed := make([]error, len(p.members))
	var all sync.WaitGroup
	for i, m := range p.members {
		all.Go(func() { failed[i] = m.close() })
	}
	all.Wait()
	return errors.Join(failed...)
}

// handlesOf are the handles in some values.
func handlesOf(values []plugin.Value) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, v := range values {
			if v.List != nil {
				for id := range handlesOf(v.List) {
					if !yield(id) {
						return
					}
				}
			} else if v.Handle != nil && !yield(v.Handle.ID) {
				return
			}
		}
	}
}
