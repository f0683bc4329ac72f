package queue

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// putBackTime is how long a worker that stops tries to say so.
const putBackTime = 5 * time.Second

// serve runs one prompt for a ticket: the one that is to run next.
func (t *consumer) serve(ctx context.Context, ticket jetstream.Msg) {
	meta, err := ticket.Metadata()
	if err != nil {
		t.failed(ctx, "read a ticket", err)
		return
	}
	kept := make(chan struct{})
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(kept)
		t.keep(keeping, ticket)
	}()
	done := t.run(ctx, ticket, meta.Sequence.Stream)
	stop()
	<-kept
	if done {
		err = ticket.Ack()
	} else {
		err = ticket.Nak()
	}
	if err != nil {
		t.log.Debug("cannot give a ticket back; it comes again by itself", "reason", err.Error())
	}
}

// keep shows that the ticket is being worked on.
func (t *consumer) keep(ctx context.Context, ticket jetstream.Msg) {
	every := time.NewTicker(progressEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			if err := ticket.InProgress(); err != nil {
				t.log.Debug("cannot show that a ticket is worked on", "reason", err.Error())
			}
		}
	}
}

// run says whether the ticket has served its purpose.
func (t *consumer) run(ctx context.Context, ticket jetstream.Msg, number uint64) (done bool) {
	if revision, err := strconv.ParseUint(ticket.Headers().Get(revisionHeader), 10, 64); err == nil {
		waiting, stop := context.WithTimeout(ctx, callTime)
		_ = t.replica.await(waiting, revision) // the prompt may be there all the same
		stop()
	}
	for ctx.Err() == nil {
		_, pending := t.replica.live()
		if len(pending) == 0 {
			return true // deleted, or taken with another ticket
		}
		record, ours := t.claim(ctx, pending[0].ID, number)
		if !ours { // somebody was faster; our copy will show it
			waiting, stop := context.WithTimeout(ctx, time.Second)
			seen := pending[0]
			_ = t.replica.until(waiting, func() bool { c := t.replica.records[seen.ID]; return c == nil || c.record != seen })
			stop()
			continue
		}
		return t.perform(ctx, record)
	}
	return false
}

// claim claims one prompt. It asks until there is an answer: the claim whose confirmation was lost may have been made, and then nobody
// else runs the prompt.
func (t *consumer) claim(ctx context.Context, id string, number uint64) (*Record, bool) {
	for {
		asking, stop := context.WithTimeout(context.WithoutCancel(ctx), callTime)
		record, ours, err := t.conn.claim(asking, id, t.id, number)
		stop()
		if err == nil || ctx.Err() != nil {
			return record, ours
		}
		t.failed(ctx, "claim a prompt", err)
	}
}

// perform runs a prompt that is ours, and writes its end.
func (t *consumer) perform(ctx context.Context, record *Record) (done bool) {
	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t.current.begin(record, cancel)
	defer t.current.end()
	// An interruption may have been written before we listened.
	if now, ok := t.replica.record(record.ID); ok {
		t.current.changed(now, t.id)
	}
	events := &Publisher{conn: t.conn, record: record}
	began := time.Now()
	state, result := t.worker.Run(running, record, events)
	cause := context.Cause(running)
	switch {
	case errors.Is(cause, errLost):
		t.log.Warn("a prompt was given to another worker while this one ran it", "prompt", record.ID)
		return true
	case ctx.Err() != nil && state != Success:
		t.giveBack(record)
		return false
	}
	t.log.Info("prompt ended", "prompt", record.ID, "state", string(state), "seconds", time.Since(began).Seconds(), "attempt", record.Attempt)
	return t.finish(ctx, record, state, result, events)
}

// giveBack makes the prompt pending again, for other workers or for this one's next start.
func (t *consumer) giveBack(record *Record) {
	ctx, stop := context.WithTimeout(context.Background(), putBackTime)
	defer stop()
	t.log.Info("the worker stops; its prompt waits for another", "prompt", record.ID)
	if err := t.conn.putBack(ctx, record); err != nil {
		t.log.Warn("cannot give a prompt back; it is run again once this worker is known to be gone", "prompt", record.ID, "reason", err.Error())
	}
}

// finish writes the end, as often as it takes while the connection may come back.
func (t *consumer) finish(ctx context.Context, record *Record, state State, result *Result, events *Publisher) (done bool) {
	// The events first: who sees the end has a right to all that came before.
	events.flush()
	state, result = t.conn.fit(record, state, result)
	for {
		writing, stop := context.WithTimeout(context.WithoutCancel(ctx), callTime)
		ours, err := t.conn.finish(writing, record, state, result, events.count())
		stop()
		if err == nil {
			if !ours {
				t.log.Warn("the end of a prompt comes too late; it is another worker's", "prompt", record.ID)
			}
			return true
		}
		t.log.Warn("cannot write the end of a prompt; trying again", "prompt", record.ID, "reason", err.Error())
		if ctx.Err() != nil {
			return false
		}
		wait(ctx, time.Second)
	}
}
