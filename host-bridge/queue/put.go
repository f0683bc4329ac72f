package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Put puts a prompt on the queue. It returns once the prompt is in Snapshot. The error is a *FullError, a *SizeError, or ErrExists.
func (s *Server) Put(ctx context.Context, p Prompt) error {
	if p.ID == "" || !plainID(p.ID) {
		return fmt.Errorf("prompt id %q: expected letters, digits and dashes, such as a UUID", p.ID)
	}
	if p.Created.IsZero() {
		p.Created = time.Now().UTC()
	}
	if len(p.Extra) == 0 {
		p.Extra = json.RawMessage("{}")
	}
	s.putting.Lock()
	defer s.putting.Unlock()
	if _, pending := s.replica.live(); len(pending) >= s.options.MaxPending {
		return &FullError{Pending: len(pending), Limit: s.options.MaxPending}
	}
	ctx, stop := context.WithTimeout(ctx, callTime)
	defer stop()
	revision, err := s.conn.create(ctx, &Record{Prompt: p, State: Pending})
	if err != nil {
		return s.unanswered(err)
	}
	s.numbers.seen(p.Number)
	if err := s.replica.await(ctx, revision); err != nil {
		return fmt.Errorf("prompt %s was put, but does not show up: %w", p.ID, err)
	}
	return nil
}

// unanswered says more of an error that is only a silence: where the disk is full, the embedded server knows.
func (s *Server) unanswered(err error) error {
	if !passing(err) {
		return err
	}
	if s.embedded != nil {
		if said := s.embedded.log.recent(); said != "" {
			return fmt.Errorf("the queue's store does not answer; it last said %q; mend that and start isac-host again: %w", said, err)
		}
	}
	return fmt.Errorf("the queue's NATS does not answer: %w", err)
}

// plainID takes what is one token of a NATS subject and one name everywhere.
func plainID(id string) bool {
	if len(id) > 200 {
		return false
	}
	for _, c := range id {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// numbers gives prompts their place in the queue where the client does not.
type numbers struct {
	mu   sync.Mutex
	next float64
}

func (n *numbers) seen(number float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if number >= n.next && number < math.MaxInt32 {
		n.next = math.Floor(number) + 1
	}
}

// NextNumber is a number behind all prompts that are or were on the queue, also before a restart. No number is given twice.
func (s *Server) NextNumber() float64 {
	running, pending := s.replica.live()
	for _, list := range [][]*Record{running, pending, s.replica.history()} {
		for _, r := range list {
			s.numbers.seen(r.Number)
		}
	}
	s.numbers.mu.Lock()
	defer s.numbers.mu.Unlock()
	n := s.numbers.next
	s.numbers.next++
	return n
}

// Snapshot gives running and pending prompts, in the order in which they run. The records are shared: never change them.
func (s *Server) Snapshot() (running, pending []*Record) { return s.replica.live() }

// Record finds a prompt in any state.
func (s *Server) Record(id string) (*Record, bool) { return s.replica.record(id) }

// History gives ended prompts, oldest first. Neither the slice nor its records may be changed.
func (s *Server) History() []*Record { return s.replica.history() }

// Subscribe has every notice delivered to fn, one at a time and in order. fn must not block. Call it once, before prompts are put.
func (s *Server) Subscribe(fn func(Notice)) { s.relay.subscribe(fn) }

// Workers are those that live.
func (s *Server) Workers() []WorkerInfo { return s.workers.living() }

// Delete removes pending prompts; ids nil means all. Running and ended ones stay.
func (s *Server) Delete(ctx context.Context, ids []string) error {
	if ids == nil {
		_, pending := s.replica.live()
		ids = idsOf(pending)
	}
	return s.removeAll(ctx, ids, func(state State) bool { return state == Pending })
}

// Forget removes ended prompts; ids nil means all.
func (s *Server) Forget(ctx context.Context, ids []string) error {
	if ids == nil {
		ids = idsOf(s.replica.history())
	}
	return s.removeAll(ctx, ids, State.Ended)
}

func idsOf(records []*Record) []string {
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.ID
	}
	return ids
}

func (s *Server) removeAll(ctx context.Context, ids []string, which func(State) bool) error {
	var failed []error
	for _, id := range ids {
		if !plainID(id) || id == "" {
			continue // there is none of that name
		}
		if err := s.remove(ctx, id, which); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// remove removes a record if its state is right. It returns once the record is gone from Snapshot and History.
func (s *Server) remove(ctx context.Context, id string, which func(State) bool) error {
	ctx, stop := context.WithTimeout(ctx, callTime)
	defer stop()
	for {
		entry, err := s.conn.prompts.Get(ctx, id)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("prompt %s: %w", id, err)
		}
		var r struct{ State State }
		if err := json.Unmarshal(entry.Value(), &r); err != nil {
			return fmt.Errorf("prompt %s: its record cannot be read: %w", id, err)
		}
		if !which(r.State) {
			return nil
		}
		err = s.conn.prompts.Purge(ctx, id, jetstream.LastRevision(entry.Revision()), jetstream.PurgeTTL(markerTime))
		if errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			continue
		}
		if err != nil {
			return fmt.Errorf("prompt %s: %w", id, err)
		}
		return s.replica.awaitGone(ctx, id, entry.Revision())
	}
}

// Interrupt stops a running prompt, or all of them where id is empty; pending ones stay. It is no error that nothing runs.
func (s *Server) Interrupt(ctx context.Context, id string) error {
	ctx, stop := context.WithTimeout(ctx, callTime)
	defer stop()
	running, _ := s.replica.live()
	var failed []error
	for _, r := range running {
		if id != "" && r.ID != id {
			continue
		}
		_, _, err := s.conn.change(ctx, r.ID, func(r *Record) bool {
			if r.State != Running || r.Interrupting {
				return false
			}
			r.Interrupting = true
			return true
		})
		if err != nil && !errors.Is(err, errGone) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// Free asks every worker to give memory back, which each does between prompts.
func (s *Server) Free(ctx context.Context, unloadModels, freeMemory bool) error {
	request, err := json.Marshal(freeRequest{UnloadModels: unloadModels, FreeMemory: freeMemory})
	if err != nil {
		return err
	}
	if err := s.conn.nc.Publish(freeSubject, request); err != nil {
		return fmt.Errorf("ask workers to free memory: %w", err)
	}
	ctx, stop := context.WithTimeout(ctx, callTime)
	defer stop()
	return s.conn.nc.FlushWithContext(ctx)
}

// freeRequest is what Free sends to workers.
type freeRequest struct {
	UnloadModels bool `json:"unload_models"`
	FreeMemory   bool `json:"free_memory"`
}
