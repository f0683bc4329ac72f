package queue

import (
	"context"
	"sync"
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

// prompt is the id of the prompt that runs; empty where none does.
func (c *current) prompt() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.claimed == nil {
		return ""
	}
	return c.claimed.ID
}

// changed ends the run where its record says so.
func (c *current) changed(now *Record, worker string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.claimed == nil || now.ID != c.claimed.ID || now.Attempt < c.claimed.Attempt {
		return
	}
	switch {
	case now.State == Pending && now.Attempt == c.claimed.Attempt && now.Worker == "", now.Attempt > c.claimed.Attempt:
		c.cancel(errLost)
	case now.State == Running && now.Worker == worker && now.Interrupting:
		c.cancel(ErrInterrupted)
	}
}
