package queue

import (
	"context"
	"sync"

	"github.com/isac-guidance/isac/host-bridge/events"
)

// current is the run under way, as those who may end it see it.
type current struct {
	mu      sync.Mutex
	claimed *Record
	cancel  context.CancelCauseFunc
	turn    chan struct{}
}

// begin notes a run.
func (c *current) begin(claimed *Record, cancel context.CancelCauseFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.claimed, c.cancel = claimed, cancel
	c.announce()
}

// end notes that there is none.
func (c *current) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.claimed, c.cancel = nil, nil
	c.announce()
}

func (c *current) announce() {
	if c.turn != nil {
		close(c.turn)
		c.turn = nil
	}
}

// turned is closed when the next run begins or this one ends.
func (c *current) turned() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turn == nil {
		c.turn = make(chan struct{})
	}
	return c.turn
}

// run is the attempt under way; the zero value where there is none.
func (c *current) run() events.Run {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.claimed == nil {
		return events.Run{}
	}
	return c.claimed.run()
}

// judged ends the run where the verdict is about it and says so.
func (c *current) judged(v verdict) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.claimed == nil || v.Prompt != c.claimed.ID || v.Attempt != c.claimed.Attempt {
		return
	}
	switch v.Stop {
	case stopLost:
		c.cancel(errLost)
	case stopInterrupted:
		c.cancel(ErrInterrupted)
	}
}
