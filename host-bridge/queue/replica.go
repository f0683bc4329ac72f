package queue

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
)

// replica is the copy of the prompts' bucket in this process, a moment behind it.
type replica struct {
	log *slog.Logger
	// keepEnded: the API server shows them, workers have no use for them.
	keepEnded bool
	// onChange is called with every change in order; old is nil for a new prompt, new is nil for one that is gone. It has to return soon.
	onChange func(old, new *Record)

	mu      sync.Mutex
	records map[string]*copied
	// active are those of them that have not ended.
	active map[string]*Record
	// revision is the newest that was seen.
	revision uint64
	// moved is closed and replaced at every change.
	moved chan struct{}
	// ended, oldest first; nil where it has to be made anew.
	ended []*Record
	bytes int
	// seen are the keys of the account that is being given.
	seen  map[string]bool
	ready chan struct{}
}

// copied is a record with what goes along.
type copied struct {
	record   *Record
	revision uint64
	bytes    int
}

func newReplica(keepEnded bool, onChange func(old, new *Record), log *slog.Logger) *replica {
	return &replica{log: log, keepEnded: keepEnded, onChange: onChange, records: map[string]*copied{}, active: map[string]*Record{}, moved: make(chan struct{}), ready: make(chan struct{})}
}

func (m *replica) put(entry jetstream.KeyValueEntry) {
	r := &Record{}
	if err := json.Unmarshal(entry.Value(), r); err != nil || r.ID != entry.Key() {
		m.log.Error("a record in the queue cannot be read; it is left alone", "key", entry.Key(), "reason", err)
		return
	}
	m.set(entry.Key(), r, entry.Revision(), len(entry.Value()))
}

func (m *replica) removed(key string, revision uint64) { m.set(key, nil, revision, 0) }

func (m *replica) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen = map[string]bool{}
	m.revision = 0 // the server may be another one
}

func (m *replica) complete() {
	m.mu.Lock()
	var gone []string
	for key := range m.records {
		if !m.seen[key] {
			gone = append(gone, key)
		}
	}
	m.seen = nil
	revision := m.revision
	m.wake()
	m.mu.Unlock()
	for _, key := range gone {
		m.set(key, nil, revision, 0)
	}
	select {
	case <-m.ready:
	default:
		close(m.ready)
	}
}

func (m *replica) set(key string, r *Record, revision uint64, size int) {
	m.mu.Lock()
	if m.seen != nil {
		m.seen[key] = true
	}
	var old *Record
	if before := m.records[key]; before != nil {
		old = before.record
		if m.seen != nil && before.revision == revision {
			m.revision = max(m.revision, revision)
			m.mu.Unlock()
			return
		}
		m.bytes -= before.bytes
		delete(m.records, key)
		delete(m.active, key)
	}
	if r != nil && (m.keepEnded || !r.State.Ended()) {
		m.records[key] = &copied{r, revision, size}
		m.bytes += size
	}
	if r != nil && !r.State.Ended() {
		m.active[key] = r
	}
	if old != nil && old.State.Ended() || r != nil && r.State.Ended() {
		m.ended = nil
	}
	m.revision = max(m.revision, revision)
	m.wake()
	m.mu.Unlock()
	if old != nil || r != nil {
		m.onChange(old, r)
	}
}

func (m *replica) wake() {
	close(m.moved)
	m.moved = make(chan struct{})
}

// await waits until a revision has been seen.
func (m *replica) await(ctx context.Context, revision uint64) error {
	return m.until(ctx, func() bool { return m.revision >= revision })
}

// awaitGone waits until a record is no longer what it was at a revision.
func (m *replica) awaitGone(ctx context.Context, id string, revision uint64) error {
	return m.until(ctx, func() bool { return m.records[id] == nil || m.records[id].revision > revision })
}

func (m *replica) until(ctx context.Context, holds func() bool) error {
	for {
		m.mu.Lock()
		moved, there := m.moved, holds()
		m.mu.Unlock()
		if there {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (m *replica) record(id string) (*Record, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.records[id]
	if c == nil {
		return nil, false
	}
	return c.record, true
}

// live are the running and the pending records, in the order in which they run.
func (m *replica) live() (running, pending []*Record) {
	m.mu.Lock()
	for _, r := range m.active {
		if r.State == Running {
			running = append(running, r)
		} else {
			pending = append(pending, r)
		}
	}
	m.mu.Unlock()
	slices.SortFunc(running, func(a, b *Record) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID))
	})
	slices.SortFunc(pending, sooner)
	return running, pending
}

// sooner orders pending prompts.
func sooner(a, b *Record) int {
	return cmp.Or(cmp.Compare(a.Number, b.Number), a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
}

// history are the ended records, oldest first. The slice is not to be changed.
func (m *replica) history() []*Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended == nil {
		m.ended = []*Record{}
		for _, c := range m.records {
			if c.record.State.Ended() {
				m.ended = append(m.ended, c.record)
			}
		}
		slices.SortFunc(m.ended, func(a, b *Record) int { return cmp.Or(a.Ended.Compare(b.Ended), cmp.Compare(a.ID, b.ID)) })
	}
	return m.ended
}

// surplus are the oldest ended records beyond a number of them, or beyond a number of bytes of all records.
func (m *replica) surplus(count, bytes int) []string {
	ended := m.history()
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []string
	left, held := len(ended), m.bytes
	for _, r := range ended {
		if left <= count && held <= bytes || left == 1 {
			break
		}
		if c := m.records[r.ID]; c != nil {
			held -= c.bytes
		}
		left--
		ids = append(ids, r.ID)
	}
	return ids
}

// encode writes a record.
func encode(r *Record) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
