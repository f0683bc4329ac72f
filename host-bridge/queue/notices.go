package queue

import (
	"sync"

	"github.com/isac-guidance/isac/host-bridge/events"
)

// notices brings notices to the subscriber, in the order in which they were added. It has a goroutine of its own and takes any number of
// them, so that neither the ledger nor a worker ever waits for a client.
type notices struct {
	mu         sync.Mutex
	waiting    []Notice
	wake       chan struct{}
	subscriber func(Notice)
}

func newNotices() *notices { return &notices{wake: make(chan struct{}, 1)} }

func (n *notices) subscribe(fn func(Notice)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.subscriber = fn
}

func (n *notices) add(list ...Notice) {
	n.mu.Lock()
	n.waiting = append(n.waiting, list...)
	n.mu.Unlock()
	nudge(n.wake)
}

// run works until done is closed.
func (n *notices) run(done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-n.wake:
		}
		n.mu.Lock()
		list, subscriber := n.waiting, n.subscriber
		n.waiting = nil
		n.mu.Unlock()
		if subscriber == nil {
			continue
		}
		for _, one := range list {
			subscriber(one)
		}
	}
}

// changed makes the notices of a change in the ledger.
func changed(old, now *Record) []Notice {
	switch {
	case now == nil:
		return []Notice{{Record: old, Changed: true}}
	case now.State.Ended():
		var list []Notice
		if now.Result != nil && len(now.Result.Messages) > 0 {
			last := now.Result.Messages[len(now.Result.Messages)-1]
			if events.Terminal(last.Type) {
				list = append(list, Notice{Record: now, Message: &last})
			}
		}
		return append(list, Notice{Record: now, Ended: true})
	case old == nil || old.State != now.State:
		return []Notice{{Record: now, Changed: true}}
	}
	return nil
}

func nudge(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
