package graph

import (
	"context"
	"iter"
	"slices"
	"time"
)

// holdings accounts for the handles that the plugin keeps for a running plan. A handle is given back as soon as no node that
// is still to run needs it: models and latents are large.
type holdings struct {
	runner Runner
	// users counts, for each handle, the outputs that name it, each as often as nodes are still to read it.
	users map[string]int
	// cache may hold handles beyond the run; may be nil.
	cache *Cache
}

// releaseTime bounds giving handles back, which the plan's own context does not.
const releaseTime = 5 * time.Second

// keep notes a result: readers says how many nodes are still to read each of its outputs.
func (h *holdings) keep(outputs []values, readers []int) {
	for i, list := range outputs {
		count := 0
		if i < len(readers) {
			count = readers[i]
		}
		for id := range handles([]values{list}) {
			h.users[id] += count
		}
	}
}

// settle gives those handles of a result back that nobody will read.
func (h *holdings) settle(ctx context.Context, outputs []values) error {
	return h.release(ctx, slices.Collect(handles(outputs)))
}

// read notes that a node that read these values is done.
func (h *holdings) read(ctx context.Context, read []values) error {
	for id := range handles(read) {
		h.users[id]--
	}
	return h.release(ctx, slices.Collect(handles(read)))
}

// handles are the ids of all handles in some values.
func handles(lists []values) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, list := range lists {
			for _, v := range list {
				if v.Handle != nil && !yield(v.Handle.ID) {
					return
				}
			}
		}
	}
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
	return giveBack(ctx, h.runner, h.ours(ids))
}

// ours are those of the handles that end with the run.
func (h *holdings) ours(ids []string) []string {
	return slices.DeleteFunc(ids, h.cache.holds)
}

// releaseAll gives everything back, also after the context was cancelled.
func (h *holdings) releaseAll(ctx context.Context) error {
	var ids []string
	for id := range h.users {
		ids = append(ids, id)
	}
	clear(h.users)
	return giveBack(ctx, h.runner, h.ours(ids))
}

// giveBack does it even when ctx is cancelled: the plugin outlives the plan.
func giveBack(ctx context.Context, runner Runner, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer stop()
	return runner.Release(ctx, ids...)
}
