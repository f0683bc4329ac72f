package comfyapi

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/isac-guidance/isac/host-bridge/events"
	"github.com/isac-guidance/isac/host-bridge/message"
	"github.com/isac-guidance/isac/host-bridge/queue"
)

// hub gives what happens to the sockets that are to hear of it. Nothing in it waits for a socket.
type hub struct {
	limits   Limits
	metrics  *metrics
	log      *slog.Logger
	queue    Queue
	features *frame

	mu sync.Mutex
	// admitted counts the sockets that are open or about to be.
	admitted int
	// joined counts those that ever were.
	joined  uint64
	closing bool
	all     map[*socket]struct{}
	// current is the newest socket of each client id: messages for a client go to that.
	current map[string]*socket
	runs    map[string]*running
	stop    chan struct{}
	// lines of the log are on their way to those who want to see them: whoever logs may hold mu.
	lines chan logged
}

// running is what is known of a prompt that runs, for clients that come back and for those that would think the line is dead.
type running struct {
	client string
	// executing is the last message of that type, state the last progress_state; nil before the first.
	executing, state *frame
}

func newHub(limits Limits, m *metrics, log *slog.Logger, q Queue, features map[string]any) *hub {
	h := &hub{
		limits: limits, metrics: m, log: log, queue: q,
		all: map[*socket]struct{}{}, current: map[string]*socket{}, runs: map[string]*running{}, stop: make(chan struct{}),
		lines: make(chan logged, 256),
	}
	h.features = h.frame(message.Message{Type: "feature_flags", Data: jsonOf(features)})
	m.sockets(func() float64 {
		h.mu.Lock()
		defer h.mu.Unlock()
		return float64(len(h.all))
	})
	go h.keepAlive()
	return h
}

// frame makes a frame of a message; nil, and a line in the log, where the message is none.
func (h *hub) frame(m message.Message) *frame {
	f, err := textFrame(m)
	if err != nil {
		h.log.Error("a message was dropped", "error", err)
		return nil
	}
	return f
}

// admit makes room for one more socket.
func (h *hub) admit() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return wrongStatus(http.StatusServiceUnavailable, "the server ends")
	}
	if h.admitted >= h.limits.Sockets {
		return wrongStatus(http.StatusServiceUnavailable, "%d sockets are open, and no more are taken; close some", h.admitted)
	}
	h.admitted++
	return nil
}

// join lets a socket hear, beginning with how things are. An older socket of the same client stays open and hears what all hear: a
// browser gives a page that is opened twice one id, and closing one would have both come back for ever.
func (h *hub) join(c *socket) {
	left := remaining(h.queue)
	h.enter(c, left)
	// What changed before the socket was in has not been told to it.
	if now := remaining(h.queue); now != left {
		c.send(h.frame(message.Of(message.Status{Status: now})))
	}
}

func (h *hub) enter(c *socket, left message.StatusOf) {
	status := h.frame(message.Of(message.Status{Status: left, SID: c.sid}))
	// This status is not one among equals: it alone has the sid.
	status.class, status.key = needed, ""
	h.mu.Lock()
	defer h.mu.Unlock()
	h.joined++
	c.number = h.joined
	h.all[c] = struct{}{}
	h.current[c.sid] = c
	c.send(status)
	for _, id := range slices.Sorted(maps.Keys(h.runs)) {
		if run := h.runs[id]; run.client == c.sid {
			for _, f := range []*frame{run.state, run.executing} {
				if f != nil {
					c.send(f)
				}
			}
		}
	}
	if h.closing {
		c.out.finish()
	}
}

// part takes a socket out. A newer one of the same client keeps its place, an older one that is still open gets it back.
func (h *hub) part(c *socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.all[c]; !ok {
		return
	}
	delete(h.all, c)
	h.admitted--
	if h.current[c.sid] != c {
		return
	}
	delete(h.current, c.sid)
	for other := range h.all {
		if other.sid != c.sid {
			continue
		}
		if now := h.current[c.sid]; now == nil || now.number < other.number {
			h.current[c.sid] = other
		}
	}
}

func (h *hub) slow(c *socket, why string) {
	h.metrics.socketClosed()
	h.log.Info("a socket is closed", "client", c.sid, "because", why)
}

// hear takes a notice of the queue.
func (h *hub) hear(n queue.Notice) {
	switch {
	case n.Message != nil:
		h.tell(n.Record, *n.Message)
	case n.Preview != nil:
		h.show(n.Record, n.Preview)
	case n.Changed:
		h.status()
	case n.Ended:
		h.end(n.Record)
	}
}

// status tells everybody how long the queue is.
func (h *hub) status() { h.everybody(message.Of(message.Status{Status: remaining(h.queue)})) }

func (h *hub) everybody(m message.Message) {
	f := h.frame(m)
	if f == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.all {
		c.send(f)
	}
}

// tell gives a message of a run to the prompt's client. That it was interrupted everybody hears.
func (h *hub) tell(r *queue.Record, m message.Message) {
	if m.Type == "execution_interrupted" {
		h.everybody(m)
		return
	}
	f := h.frame(m)
	if f == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	run := h.runs[r.ID]
	if run == nil {
		run = &running{client: r.ClientID}
		h.runs[r.ID] = run
	}
	switch m.Type {
	case "execution_start": // a second attempt begins anew
		run.executing, run.state = nil, nil
	case "executing":
		run.executing = f
	case "progress_state":
		run.state = f
	}
	h.client(r.ClientID, f)
}

// client sends to a client's newest socket, if it has one. The caller holds mu.
func (h *hub) client(id string, f *frame) {
	if id == "" {
		return
	}
	if c := h.current[id]; c != nil {
		c.send(f)
	}
}

// show gives a preview to the prompt's client, in the form that it understands.
func (h *hub) show(r *queue.Record, p *events.Preview) {
	h.mu.Lock()
	c := h.current[r.ClientID]
	h.mu.Unlock()
	if c == nil || r.ClientID == "" {
		return
	}
	plain, described, err := pictureFrames(p)
	if err != nil {
		h.log.Error("a preview was dropped", "error", err)
		return
	}
	if c.described.Load() {
		c.send(described)
	} else {
		c.send(plain)
	}
}

// end tells that a prompt has become history.
func (h *hub) end(r *queue.Record) {
	h.status()
	f := h.frame(message.Of(message.Executing{PromptID: r.ID}))
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.runs, r.ID)
	h.client(r.ClientID, f)
}

// close says goodbye to every socket once it has what waits for it, and closes it; those that are not ready when ctx ends are cut.
func (h *hub) close(ctx context.Context) {
	h.mu.Lock()
	if h.closing {
		h.mu.Unlock()
		return
	}
	h.closing = true
	close(h.stop)
	open := slices.Collect(maps.Keys(h.all))
	h.mu.Unlock()
	for _, c := range open {
		c.out.finish()
	}
	for _, c := range open {
		select {
		case <-c.ended:
		case <-ctx.Done():
			c.close()
		}
	}
}
