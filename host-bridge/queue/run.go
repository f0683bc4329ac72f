package queue

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/isac-guidance/isac/host-bridge/events"
)

// perform runs a prompt that is ours, and says how it ended.
func (t *consumer) perform(ctx context.Context, record *Record) {
	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t.current.begin(record, cancel)
	defer t.current.end()
	if record.Interrupting { // between a claim whose answer was lost and the next
		cancel(ErrInterrupted)
	}
	publisher := &Publisher{events.NewPublisher(t.conn.nc, record.run(), t.conn.log), t.conn}
	began := time.Now()
	state, result := t.worker.Run(running, record, publisher)
	switch {
	case errors.Is(context.Cause(running), errLost):
		t.log.Warn("a prompt was given to another worker while this one ran it", "prompt", record.ID)
		return
	case ctx.Err() != nil && state != Success:
		t.log.Info("the worker stops; its prompt waits for another", "prompt", record.ID)
		return // leave says so
	}
	t.log.Info("prompt ended", "prompt", record.ID, "state", string(state), "seconds", time.Since(began).Seconds(), "attempt", record.Attempt)
	t.finish(ctx, record, state, result, publisher)
}

// finish says the end, as often as it takes while the API server may come back, or its disk may get room.
func (t *consumer) finish(ctx context.Context, record *Record, state State, result *Result, publisher *Publisher) {
	state, result = t.conn.fit(record, state, result)
	text, err := json.Marshal(endAsk{state, result})
	if err != nil {
		t.log.Error("the end of a prompt cannot be written as JSON", "prompt", record.ID, "reason", err.Error())
		return
	}
	for {
		var a endAnswer
		asking, stop := context.WithTimeout(context.WithoutCancel(ctx), callTime)
		reply, err := publisher.End(asking, text)
		stop()
		if err == nil {
			err = json.Unmarshal(reply, &a)
		}
		if err == nil && a.Error != "" {
			err = errors.New(a.Error)
		}
		if err == nil {
			if !a.Ours {
				t.log.Warn("the end of a prompt comes too late; it is another worker's", "prompt", record.ID)
			}
			return
		}
		t.log.Warn("cannot write the end of a prompt; trying again", "prompt", record.ID, "reason", err.Error())
		if ctx.Err() != nil {
			return
		}
		wait(ctx, time.Second)
	}
}

// wait waits, or less if ctx ends.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
