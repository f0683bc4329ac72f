package queue

import (
	"sync"
	"time"

	"github.com/isac-guidance/isac/host-bridge/message"
)

// patience is how long an end waits for events that were published before it.
const patience = 2 * time.Second

// relay brings what arrives on two ways, records and events, into one order: a prompt is taken, then come its events, then its
// end. It has a goroutine of its own and takes any number of inputs, so that nobody ever waits for it.
type relay struct {
	// lookup finds the record of a prompt.
	lookup func(id string) (*Record, bool)

	mu         sync.Mutex
	inputs     []func()
	wake       chan struct{}
	subscriber func(Notice)

	// runs belongs to the goroutine.
	runs map[string]*relayed
}

// relayed is one prompt that runs.
type relayed struct {
	record  *Record
	attempt int
	// running: the event that this attempt began was sent.
	running bool
	// number of the newest event that was sent.
	number int
	// terminal: the message with the outcome was sent.
	terminal bool
	// early are events of an attempt that the record does not show yet.
	early []event
	// ending is the ended record that waits for its events.
	ending *Record
}

// event is what a worker published.
type event struct {
	id              string
	attempt, number int
	message         *message.Message
	preview         *Preview
}

func newRelay(lookup func(string) (*Record, bool)) *relay {
	return &relay{lookup: lookup, wake: make(chan struct{}, 1), runs: map[string]*relayed{}}
}

func (r *relay) subscribe(fn func(Notice)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.subscriber = fn
}

func (r *relay) push(f func()) {
	r.mu.Lock()
	r.inputs = append(r.inputs, f)
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run works until done is closed.
func (r *relay) run(done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-r.wake:
		}
		r.mu.Lock()
		inputs := r.inputs
		r.inputs = nil
		r.mu.Unlock()
		for _, f := range inputs {
			f()
		}
	}
}

func (r *relay) notify(n Notice) {
	r.mu.Lock()
	subscriber := r.subscriber
	r.mu.Unlock()
	if subscriber != nil {
		subscriber(n)
	}
}

// existed takes note of a record that was there when this process began.
func (r *relay) existed(record *Record) {
	if record.State == Running {
		r.runs[record.ID] = &relayed{record: record, attempt: record.Attempt, running: true}
	}
}

// changed takes a change of a record.
func (r *relay) changed(old, now *Record) {
	id := ""
	if now != nil {
		id = now.ID
	} else {
		id = old.ID
	}
	switch {
	case now == nil:
		if state := r.runs[id]; state != nil && state.ending != nil {
			r.end(state)
		}
		delete(r.runs, id)
		r.notify(Notice{Record: old, Changed: true})
	case now.State == Pending:
		if state := r.runs[id]; state != nil { // put back; events of the next attempt may be here already
			state.record, state.running = now, false
		}
		r.notify(Notice{Record: now, Changed: true})
	case now.State == Running:
		r.taken(now)
	case old == nil || !old.State.Ended():
		r.taken(now)
		state := r.runs[id]
		state.ending = now
		if state.number >= now.Events {
			r.end(state)
			return
		}
		time.AfterFunc(patience, func() {
			r.push(func() {
				if r.runs[id] == state {
					r.end(state)
				}
			})
		})
	}
}

// taken notes the attempt that a record shows, and sends the events of it that were here before.
func (r *relay) taken(now *Record) {
	state := r.runs[now.ID]
	if state == nil {
		state = &relayed{}
		r.runs[now.ID] = state
	}
	state.record = now
	if state.running && state.attempt == now.Attempt {
		return
	}
	early := state.early
	*state = relayed{record: now, attempt: now.Attempt, running: true}
	r.notify(Notice{Record: now, Changed: true})
	for _, e := range early {
		r.event(e)
	}
}

// event takes an event.
func (r *relay) event(e event) {
	state := r.runs[e.id]
	if state == nil {
		if record, ok := r.lookup(e.id); ok && record.State.Ended() {
			return // too late
		}
		state = &relayed{}
		r.runs[e.id] = state
		time.AfterFunc(time.Minute, func() {
			r.push(func() {
				if state.record == nil { // nobody knows such a prompt
					delete(r.runs, e.id)
				}
			})
		})
	}
	switch {
	case e.attempt < state.attempt || e.attempt == state.attempt && e.number <= state.number:
		return // of a worker that was given up
	case !state.running || e.attempt > state.attempt:
		state.early = append(state.early, e)
		return
	}
	state.number = e.number
	if e.message != nil && isTerminal(e.message.Type) {
		state.terminal = true
	}
	r.notify(Notice{Record: state.record, Message: e.message, Preview: e.preview})
	if state.ending != nil && state.number >= state.ending.Events {
		r.end(state)
	}
}

// end notifies that a prompt has become history.
func (r *relay) end(state *relayed) {
	record := state.ending
	delete(r.runs, record.ID)
	if result := record.Result; !state.terminal && result != nil && len(result.Messages) > 0 {
		// The worker died, or its last words were lost.
		r.notify(Notice{Record: record, Message: &result.Messages[len(result.Messages)-1]})
	}
	r.notify(Notice{Record: record, Ended: true})
}

func isTerminal(kind string) bool {
	switch kind {
	case "execution_success", "execution_error", "execution_interrupted":
		return true
	}
	return false
}
