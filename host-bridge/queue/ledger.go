package queue

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/isac-guidance/isac/host-bridge/store"
)

// errGone: there is no such prompt (any more).
var errGone = errors.New("the prompt is gone")

// recordPrefix is how the keys of records begin in the journal.
const recordPrefix = "prompt/"

// ledger is all records, in memory and in the journal. A change is in the journal first.
type ledger struct {
	journal *store.Journal
	log     *slog.Logger
	// onChange is called with every change, one at a time and in order; old is nil for a new prompt, now for one that is gone.
	// It must not wait for the ledger.
	onChange func(old, now *Record)

	// writing is held while a record is read and then written.
	writing sync.Mutex

	mu      sync.Mutex
	records map[string]*held
	// active are those of them that have not ended.
	active map[string]*Record
	// ended, oldest first; nil where it has to be made anew.
	ended []*Record
	bytes int
}

// held is a record with the bytes that it has in the journal. The record is never changed.
type held struct {
	record *Record
	bytes  int
}

// openLedger reads all records.
func openLedger(journal *store.Journal, onChange func(old, now *Record), log *slog.Logger) (*ledger, error) {
	l := &ledger{journal: journal, log: log, onChange: onChange, records: map[string]*held{}, active: map[string]*Record{}}
	for _, key := range journal.Keys(recordPrefix) {
		text, err := journal.Get(key)
		if err != nil {
			return nil, err
		}
		r := &Record{}
		if err := json.Unmarshal(text, r); err != nil || recordPrefix+r.ID != key {
			log.Error("a record of the ledger cannot be read; it is left alone", "key", key, "reason", err)
			continue
		}
		l.hold(r.ID, r, len(text))
	}
	return l, nil
}

// hold takes a change into memory; r nil is a record that is gone.
func (l *ledger) hold(id string, r *Record, bytes int) (old *Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if before := l.records[id]; before != nil {
		old = before.record
		l.bytes -= before.bytes
	}
	delete(l.records, id)
	delete(l.active, id)
	if r != nil {
		l.records[id] = &held{r, bytes}
		l.bytes += bytes
		if !r.State.Ended() {
			l.active[id] = r
		}
	}
	if old != nil && old.State.Ended() || r != nil && r.State.Ended() {
		l.ended = nil
	}
	return old
}

// write writes a record; the caller holds writing.
func (l *ledger) write(r *Record) error {
	text, err := encode(r)
	if err == nil {
		err = l.journal.Put(recordPrefix+r.ID, text)
	}
	if err != nil {
		return fmt.Errorf("prompt %s: %w", r.ID, err)
	}
	l.onChange(l.hold(r.ID, r, len(text)), r)
	return nil
}

// put writes a new record, unless there are as many pending ones as there may be.
func (l *ledger) put(r *Record, limit int) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if _, pending := l.live(); len(pending) >= limit {
		return &FullError{Pending: len(pending), Limit: limit}
	}
	if _, there := l.record(r.ID); there || l.journal.Has(recordPrefix+r.ID) {
		return fmt.Errorf("prompt %s: %w", r.ID, ErrExists)
	}
	return l.write(r)
}

// change changes a record if edit, given a copy of it, says so, and gives it as it then is.
func (l *ledger) change(id string, edit func(r *Record) bool) (*Record, error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	return l.edit(id, edit)
}

// edit is change for who holds writing.
func (l *ledger) edit(id string, edit func(r *Record) bool) (*Record, error) {
	old, ok := l.record(id)
	if !ok {
		return nil, fmt.Errorf("prompt %s: %w", id, errGone)
	}
	now := *old
	if !edit(&now) {
		return old, nil
	}
	return &now, l.write(&now)
}

// remove removes records for good whose state is right, all or, with an error, none. It is no error that there is none of an id.
func (l *ledger) remove(ids []string, which func(State) bool) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	var gone []*Record
	var keys []string
	seen := map[string]bool{}
	for _, id := range ids {
		if r, ok := l.record(id); ok && which(r.State) && !seen[id] {
			gone, keys, seen[id] = append(gone, r), append(keys, recordPrefix+id), true
		}
	}
	if err := l.journal.Delete(keys...); err != nil {
		return fmt.Errorf("delete %d prompts: %w", len(keys), err)
	}
	for _, r := range gone {
		l.hold(r.ID, nil, 0)
		l.onChange(r, nil)
	}
	return nil
}

// record finds a record.
func (l *ledger) record(id string) (*Record, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h := l.records[id]; h != nil {
		return h.record, true
	}
	return nil, false
}

// live are the running and the pending records, in the order in which they run.
func (l *ledger) live() (running, pending []*Record) {
	l.mu.Lock()
	for _, r := range l.active {
		if r.State == Running {
			running = append(running, r)
		} else {
			pending = append(pending, r)
		}
	}
	l.mu.Unlock()
	slices.SortFunc(running, func(a, b *Record) int {
		return cmp.Or(a.Started.Compare(b.Started), strings.Compare(a.ID, b.ID))
	})
	slices.SortFunc(pending, func(a, b *Record) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	return running, pending
}

// history are the ended records, oldest first. The slice is not to be changed.
func (l *ledger) history() []*Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended == nil {
		l.ended = []*Record{}
		for _, h := range l.records {
			if h.record.State.Ended() {
				l.ended = append(l.ended, h.record)
			}
		}
		slices.SortFunc(l.ended, func(a, b *Record) int { return cmp.Or(a.Ended.Compare(b.Ended), strings.Compare(a.ID, b.ID)) })
	}
	return l.ended
}

// surplus are the oldest ended records beyond a number of them, or beyond a number of bytes of all records.
func (l *ledger) surplus(count, bytes int) []string {
	ended := l.history()
	l.mu.Lock()
	defer l.mu.Unlock()
	var ids []string
	left, have := len(ended), l.bytes
	for _, r := range ended {
		if left <= count && have <= bytes || left == 1 {
			break
		}
		if h := l.records[r.ID]; h != nil {
			have -= h.bytes
		}
		left--
		ids = append(ids, r.ID)
	}
	return ids
}
