package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// errGone: there is no such prompt (any more).
var errGone = errors.New("the prompt is gone")

// change changes a record if edit, given the newest, says so. It is asked again when somebody else was faster. What change returns
// is the record as it then is, and its revision. A change whose confirmation was lost is made anew, so edit has to
// recognise its own work and leave it.
func (c *Conn) change(ctx context.Context, id string, edit func(r *Record) bool) (*Record, uint64, error) {
	for {
		entry, err := c.prompts.Get(ctx, id)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return nil, 0, fmt.Errorf("prompt %s: %w", id, errGone)
		}
		if err != nil {
			return nil, 0, fmt.Errorf("prompt %s: %w", id, err)
		}
		r := &Record{}
		if err := json.Unmarshal(entry.Value(), r); err != nil {
			return nil, 0, fmt.Errorf("prompt %s: its record cannot be read: %w", id, err)
		}
		if !edit(r) {
			return r, entry.Revision(), nil
		}
		value, err := encode(r)
		if err != nil {
			return nil, 0, fmt.Errorf("prompt %s: %w", id, err)
		}
		revision, err := c.prompts.Update(ctx, id, value, entry.Revision())
		switch {
		case err == nil:
			return r, revision, nil
		case errors.Is(err, jetstream.ErrKeyRevisionMismatch):
			continue
		}
		return nil, 0, fmt.Errorf("prompt %s: %w", id, err)
	}
}

// create writes a new record and its ticket.
func (c *Conn) create(ctx context.Context, r *Record) (revision uint64, err error) {
	value, err := encode(r)
	if err != nil {
		return 0, fmt.Errorf("prompt %s: %w", r.ID, err)
	}
	if limit := c.promptLimit(); len(value) > limit {
		return 0, &SizeError{Bytes: len(value), Limit: limit}
	}
	revision, err = c.prompts.Create(ctx, r.ID, value)
	if errors.Is(err, jetstream.ErrKeyExists) {
		return 0, fmt.Errorf("prompt %s: %w", r.ID, ErrExists)
	}
	if err != nil {
		return 0, fmt.Errorf("prompt %s: %w", r.ID, err)
	}
	if err := c.ticket(ctx, revision); err != nil {
		// The record is there; the server makes up for missing tickets.
		c.log.Warn("no ticket for a prompt; another follows", "prompt", r.ID, "reason", err.Error())
	}
	return revision, nil
}

// promptLimit leaves room for what the run adds to the record.
func (c *Conn) promptLimit() int {
	limit := int(c.nc.MaxPayload())
	return limit - min(limit/4, 256<<10)
}

// ticket lets one more worker take a prompt, once it has seen the revision.
func (c *Conn) ticket(ctx context.Context, revision uint64) error {
	m := nats.NewMsg(workSubject)
	m.Header.Set(revisionHeader, fmt.Sprint(revision))
	_, err := c.js.PublishMsg(ctx, m)
	return err
}

// claim takes a pending prompt for a worker; false where it is no longer there to take.
func (c *Conn) claim(ctx context.Context, id, worker string, ticket uint64) (*Record, bool, error) {
	r, _, err := c.change(ctx, id, func(r *Record) bool {
		if r.State != Pending {
			return false
		}
		r.State, r.Worker, r.Ticket, r.Started = Running, worker, ticket, time.Now().UTC()
		r.Attempt++
		r.Interrupting, r.Events = false, 0
		return true
	})
	if errors.Is(err, errGone) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	return r, r.State == Running && r.Worker == worker && r.Ticket == ticket, nil
}

// mine tells whether a record is still the run that began as claimed.
func mine(r, claimed *Record) bool {
	return r.State == Running && r.Worker == claimed.Worker && r.Attempt == claimed.Attempt
}

// finish writes the end of a run; false where the prompt is no longer this run's.
func (c *Conn) finish(ctx context.Context, claimed *Record, state State, result *Result, events int) (bool, error) {
	done := false
	_, _, err := c.change(ctx, claimed.ID, func(r *Record) bool {
		// Its own work, of which it was not told.
		done = r.State.Ended() && r.Worker == claimed.Worker && r.Attempt == claimed.Attempt
		if !mine(r, claimed) {
			return false
		}
		done = true
		r.State, r.Result, r.Events, r.Ended = state, result, events, time.Now().UTC()
		r.Interrupting = false
		return true
	})
	if errors.Is(err, errGone) {
		return false, nil
	}
	return done, err
}

// putBack makes a running prompt pending again, without counting a death: its worker stops.
func (c *Conn) putBack(ctx context.Context, claimed *Record) error {
	_, _, err := c.change(ctx, claimed.ID, func(r *Record) bool {
		if !mine(r, claimed) {
			return false
		}
		r.State, r.Worker, r.Ticket, r.Started = Pending, "", 0, time.Time{}
		return true
	})
	if errors.Is(err, errGone) {
		return nil
	}
	return err
}

// giveUp deals with a running prompt whose worker is dead: it becomes pending again, or ends where it was to be interrupted or has
// cost too many workers.
func (c *Conn) giveUp(ctx context.Context, lost *Record) error {
	changed := false
	r, revision, err := c.change(ctx, lost.ID, func(r *Record) bool {
		changed = mine(r, lost)
		if !changed {
			return false
		}
		r.Deaths++
		switch {
		case r.Interrupting:
			r.State, r.Ended, r.Result = Interrupted, time.Now().UTC(), interruptedWithout(r)
		case r.Deaths >= maxDeaths:
			r.State, r.Ended, r.Result = Failed, time.Now().UTC(), lostWorkers(r)
		default:
			r.State, r.Worker, r.Ticket, r.Started = Pending, "", 0, time.Time{}
		}
		r.Interrupting, r.Events = false, 0
		return true
	})
	if errors.Is(err, errGone) || err == nil && !changed {
		return nil
	}
	if err != nil {
		return err
	}
	c.log.Warn("a worker is gone in the middle of a prompt", "prompt", r.ID, "worker", lost.Worker, "attempt", lost.Attempt, "prompt_is_now", string(r.State))
	if r.State == Pending {
		return c.ticket(ctx, revision)
	}
	return nil
}

// reap gives up the running prompts of dead workers. The one of this process is none: it would be dead with the process, and what it
// left is dealt with when the next one begins. On a machine without time to spare its signs of life may come late.
func (c *Conn) reap(ctx context.Context, m *replica, workers *leases, own string) {
	running, _ := m.live()
	for _, r := range running {
		if r.Worker == own || !workers.dead(r.Worker) {
			continue
		}
		if err := c.giveUp(ctx, r); err != nil {
			c.log.Warn("cannot give up the prompt of a dead worker; trying again", "prompt", r.ID, "reason", err.Error())
		}
	}
}
