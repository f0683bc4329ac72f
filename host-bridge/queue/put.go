package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"
)

// Put puts a prompt on the queue. It returns once the prompt is on the disk and in Snapshot. The error is a *FullError, a *SizeError, or ErrExists.
func (s *Server) Put(_ context.Context, p Prompt) error {
	if p.ID == "" || !plainID(p.ID) {
		return fmt.Errorf("prompt id %q: expected letters, digits and dashes, such as a UUID", p.ID)
	}
	if p.Created.IsZero() {
		p.Created = time.Now().UTC()
	}
	if len(p.Extra) == 0 {
		p.Extra = json.RawMessage("{}")
	}
	r := &Record{Prompt: p, State: Pending}
	text, err := encode(r)
	if err != nil {
		return fmt.Errorf("prompt %s: %w", p.ID, err)
	}
	if limit := s.promptLimit(); len(text) > limit {
		return &SizeError{Bytes: len(text), Limit: limit}
	}
	if err := s.ledger.put(r, s.options.MaxPending); err != nil {
		return err
	}
	s.numbers.seen(p.Number)
	s.wakeWorkers()
	return nil
}

// promptLimit leaves room for what the run adds to the record.
func (s *Server) promptLimit() int {
	limit := int(s.conn.nc.MaxPayload())
	return limit - min(limit/4, 256<<10)
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
	running, pending := s.ledger.live()
	for _, list := range [][]*Record{running, pending, s.ledger.history()} {
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
func (s *Server) Snapshot() (running, pending []*Record) { return s.ledger.live() }

// Record finds a prompt in any state.
func (s *Server) Record(id string) (*Record, bool) { return s.ledger.record(id) }

// History gives ended prompts, oldest first. Neither the slice nor its records may be changed.
func (s *Server) History() []*Record { return s.ledger.history() }

// Subscribe has every notice delivered to fn, one at a time and in order. fn must not block. Call it once, before prompts are put.
func (s *Server) Subscribe(fn func(Notice)) { s.notices.subscribe(fn) }

// Workers are those that live.
func (s *Server) Workers() []WorkerInfo { return s.workers.living() }

// Delete removes pending prompts; ids nil means all. Running and ended ones stay.
func (s *Server) Delete(_ context.Context, ids []string) error {
	if ids == nil {
		_, pending := s.ledger.live()
		ids = idsOf(pending)
	}
	return s.ledger.remove(ids, func(state State) bool { return state == Pending })
}

// Forget removes ended prompts; ids nil means all.
func (s *Server) Forget(_ context.Context, ids []string) error {
	if ids == nil {
		ids = idsOf(s.ledger.history())
	}
	return s.ledger.remove(ids, State.Ended)
}

func idsOf(records []*Record) []string {
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.ID
	}
	return ids
}

// Interrupt stops a running prompt, or all of them where id is empty; pending ones stay. It is no error that nothing runs.
func (s *Server) Interrupt(_ context.Context, id string) error {
	running, _ := s.ledger.live()
	var failed []error
	for _, r := range running {
		if id != "" && r.ID != id {
			continue
		}
		now, err := s.ledger.interrupt(r.ID)
		if err != nil {
			failed = append(failed, err)
		} else if now != nil {
			s.tell(now.Worker, s.ledger.judge(now.run()))
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
