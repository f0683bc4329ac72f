package events

import (
	"fmt"
	"log/slog"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/isac-guidance/isac/host-bridge/message"
)

// subject is what the events of a prompt are published on, followed by its id.
const subject = "isac.event."

// Headers of events.
const (
	workerHeader  = "Isac-Worker"
	attemptHeader = "Isac-Attempt"
	nodeHeader    = "Isac-Node"
	typeHeader    = "Isac-Type"
	formatHeader  = "Isac-Format"
	endHeader     = "Isac-End"
)

// pendingBytes bounds what waits in this process to be passed on.
const pendingBytes = 256 << 20

// Run is one worker's attempt at a prompt.
type Run struct {
	Prompt, Worker string
	// Attempt counts from 1.
	Attempt int
}

// Preview is a picture of unfinished work.
type Preview struct {
	PromptID string
	NodeID   string
	// Format is "jpeg" or "png".
	Format string
	Data   []byte
}

// Event is what a run published. Exactly one of Message, Preview and End is set.
type Event struct {
	Run
	Message *message.Message
	Preview *Preview
	// End is what the worker says of the run's end; it waits for Answer.
	End []byte

	from *nats.Msg
}

// Answer answers an End.
func (e Event) Answer(text []byte) error { return e.from.Respond(text) }

// Listen has fn called with every event, one at a time and in order, until the subscription ends.
func Listen(nc *nats.Conn, log *slog.Logger, fn func(Event)) (*nats.Subscription, error) {
	sub, err := nc.Subscribe(subject+"*", func(m *nats.Msg) {
		e, err := read(m)
		if err != nil {
			log.Warn("an event of a worker cannot be read", "subject", m.Subject, "reason", err.Error())
			return
		}
		fn(e)
	})
	if err == nil {
		err = sub.SetPendingLimits(-1, pendingBytes)
	}
	if err != nil {
		return nil, fmt.Errorf("listen to workers: %w", err)
	}
	return sub, nil
}

// read reads what a Publisher wrote.
func read(m *nats.Msg) (Event, error) {
	e := Event{Run: Run{Prompt: m.Subject[len(subject):], Worker: m.Header.Get(workerHeader)}, from: m}
	var err error
	if e.Attempt, err = strconv.Atoi(m.Header.Get(attemptHeader)); err != nil {
		return e, fmt.Errorf("attempt %q is no number", m.Header.Get(attemptHeader))
	}
	switch {
	case m.Header.Get(endHeader) != "":
		e.End = m.Data
	case m.Header.Get(formatHeader) != "":
		e.Preview = &Preview{PromptID: e.Prompt, NodeID: m.Header.Get(nodeHeader), Format: m.Header.Get(formatHeader), Data: m.Data}
	case m.Header.Get(typeHeader) != "":
		e.Message = &message.Message{Type: m.Header.Get(typeHeader), Data: m.Data}
	default:
		return e, fmt.Errorf("it is neither a message, nor a preview, nor an end")
	}
	return e, nil
}

// Terminal says of a message's type that it tells how a run ended.
func Terminal(kind string) bool {
	switch kind {
	case "execution_success", "execution_error", "execution_interrupted":
		return true
	}
	return false
}
