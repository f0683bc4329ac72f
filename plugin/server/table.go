package server

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/isac-guidance/isac/nodes"
)

// table holds the values that hosts know by handle. A value is closed when it was released and no node uses it any more.
type table struct {
	mu      sync.Mutex
	entries map[string]*entry
	// prefix differs from process to process, so that a handle of an earlier one is never taken for one of this.
	prefix string
	last   uint64
}

type entry struct {
	value    nodes.Value
	call     string
	uses     int
	released bool
}

func newTable() *table {
	return &table{entries: map[string]*entry{}, prefix: rand.Text()[:10] + "-"}
}

// put takes a value over for the call that made it, and returns its handle's id.
func (t *table) put(value nodes.Value, call string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	id := t.prefix + strconv.FormatUint(t.last, 10)
	t.entries[id] = &entry{value: value, call: call}
	return id
}

// use finds a value and keeps it from being closed until done is called.
func (t *table) use(id string) (value nodes.Value, done func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.entries[id]
	if !ok {
		return nil, nil, fmt.Errorf("handle %q is not known here: it was released, or belongs to a process that is gone; run the node that made it again", id)
	}
	e.uses++
	return e.value, sync.OnceFunc(func() {
		t.mu.Lock()
		e.uses--
		dead := e.released && e.uses == 0
		t.mu.Unlock()
		if dead {
			e.value.Close()
		}
	}), nil
}

// release forgets every entry for which matches holds, and returns how many.
func (t *table) release(matches func(id string, e *entry) bool) int {
	var dead []nodes.Value
	count := 0
	t.mu.Lock()
	for id, e := range t.entries {
		if !matches(id, e) {
			continue
		}
		delete(t.entries, id)
		count++
		e.released = true
		if e.uses == 0 {
			dead = append(dead, e.value)
		}
	}
	t.mu.Unlock()
	// Outside the lock: closing a model gives back gigabytes and takes its time.
	for _, value := range dead {
		value.Close()
	}
	return count
}

func (t *table) releaseIDs(ids []string) int {
	return t.release(func(id string, _ *entry) bool { return slices.Contains(ids, id) })
}

func (t *table) releaseCalls(calls []string) int {
	return t.release(func(_ string, e *entry) bool { return e.call != "" && slices.Contains(calls, e.call) })
}

func (t *table) releaseAll() int {
	return t.release(func(string, *entry) bool { return true })
}

// count counts live handles by type.
func (t *table) count() map[string]int32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	counts := map[string]int32{}
	for _, e := range t.entries {
		counts[e.value.ComfyType()]++
	}
	return counts
}
