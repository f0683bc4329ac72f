package graph

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// Cache keeps what nodes made from one run to the next, so that of a workflow that is run again only what changed runs again. As
// in ComfyUI a result is known by the class and the inputs that led to it, never by a node's id, and it stays as long as
// each run's workflow still holds such a node.
//
// A cache belongs to one runner and to one run at a time.
type Cache struct {
	entries map[signature]*cached
	// users counts the entries that name a handle.
	users map[string]int
}

// cached is what a node made: its result and the values, of which handles are held.
type cached struct {
	result  *NodeResult
	outputs []values
}

// NewCache makes an empty cache.
func NewCache() *Cache {
	return &Cache{entries: map[signature]*cached{}, users: map[string]int{}}
}

// Len is the number of results that are kept.
func (c *Cache) Len() int { return len(c.entries) }

// Clear gives back everything that is kept.
func (c *Cache) Clear(ctx context.Context, runner Runner) error {
	idle := slices.Sorted(maps.Keys(c.users))
	c.Drop()
	return giveBack(ctx, runner, idle)
}

// Drop forgets everything without giving it back: the process that held it is gone.
func (c *Cache) Drop() {
	clear(c.entries)
	clear(c.users)
}

// retain gives back what no node of a workflow would make any more.
func (c *Cache) retain(ctx context.Context, runner Runner, wanted map[signature]bool) error {
	var idle []string
	for s := range c.entries {
		if !wanted[s] {
			idle = append(idle, c.remove(s)...)
		}
	}
	if err := giveBack(ctx, runner, idle); err != nil {
		return fmt.Errorf("give back what earlier runs made: %w", err)
	}
	return nil
}

// put keeps a result. The handles in it are the cache's from now on; those that an older result of this signature alone
// held come back.
func (c *Cache) put(s signature, result *NodeResult, outputs []values) (idle []string) {
	for id := range handles(outputs) {
		c.users[id]++
	}
	idle = c.remove(s)
	c.entries[s] = &cached{result: result, outputs: outputs}
	return idle
}

// remove forgets a result; the handles that nobody names any more are to be given back.
func (c *Cache) remove(s signature) (idle []string) {
	e := c.entries[s]
	if e == nil {
		return nil
	}
	delete(c.entries, s)
	for id := range handles(e.outputs) {
		if c.users[id]--; c.users[id] == 0 {
			delete(c.users, id)
			idle = append(idle, id)
		}
	}
	return idle
}

// holds says that the cache keeps a handle alive.
func (c *Cache) holds(id string) bool { return c != nil && c.users[id] > 0 }
