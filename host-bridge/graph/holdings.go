package graph

import (
	"context"
	"slices"
	"time"

	"github.com/isac-guidance/isac/plugin"
)

// holdings accounts for the handles that the plugin keeps for a running plan. A handle is given back as soon as no node that
// is still to run needs it: models and latents are large.
type holdings struct {
	runner Runner
	// users counts, for each handle, the outputs that name it, each as often as nodes are still to read it.
	users map[string]int
}

// releaseTime bounds giving handles back, which the plan's own context does not.
const releaseTime = 5 * time.Second

// keep notes a result: readers says how many nodes are still to read each of its outputs. Handles that nobody will read
// are given back at once.
func (h *holdings) keep(ctx context.Context, outputs []plugin.Value, readers []int) error {
	var idle []string
	for i, v := range outputs {
		if v.Handle == nil {
			continue
		}
		count := 0
		if i < len(readers) {
			count = readers[i]
		}
		h.users[v.Handle.ID] += count
		idle = append(idle, v.Handle.ID)
	}
	return h.release(ctx, idle)
}

// read notes that a node that read these values is done.
func (h *holdings) read(ctx context.Context, values []plugin.Value) error {
	var idle []string
	for _, v := range values {
		if v.Handle != nil {
			h.users[v.Handle.ID]--
			idle = append(idle, v.Handle.ID)
		}
	}
	return h.release(ctx, idle)
}

// release gives those of the handles back that have no users.
func (h *holdings) release(ctx context.Context, ids []string) error {
	slices.Sort(ids)
	ids = slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return h.users[id] > 0 })
	if len(ids) == 0 {
		return nil
	}
	for _, id := range ids {
		delete(h.users, id)
	}
	return h.giveBack(ctx, ids)
}

// releaseAll gives everything back, also after the context was cancelled.
func (h *holdings) releaseAll(ctx context.Context) error {
	var ids []string
	for id := range h.users {
		ids = append(ids, id)
	}
	clear(h.users)
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	return h.giveBack(ctx, ids)
}

// giveBack does it even when ctx is cancelled: the plugin outlives the plan.
func (h *holdings) giveBack(ctx context.Context, ids []string) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer stop()
	return h.runner.Release(ctx, ids...)
}
