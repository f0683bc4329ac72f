package events

import (
	"context"
	"log/slog"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/isac-guidance/isac/host-bridge/message"
)

// Publisher publishes the events of one run. One goroutine at a time may use it.
type Publisher struct {
	nc  *nats.Conn
	run Run
	log *slog.Logger
}

// NewPublisher makes the Publisher of a run.
func NewPublisher(nc *nats.Conn, run Run, log *slog.Logger) *Publisher {
	return &Publisher{nc: nc, run: run, log: log}
}

// Message is for the prompt's client. One that tells the outcome is only made: it travels in the end.
func (p *Publisher) Message(e message.Event) message.Message {
	m := message.Of(e)
	if !Terminal(m.Type) {
		out := p.event()
		out.Header.Set(typeHeader, m.Type)
		out.Data = m.Data
		p.publish(out)
	}
	return m
}

// Preview is a picture of unfinished work.
func (p *Publisher) Preview(node, format string, data []byte) {
	if len(data) > int(p.nc.MaxPayload())-1024 {
		return // a picture can be missed
	}
	out := p.event()
	out.Header.Set(nodeHeader, node)
	out.Header.Set(formatHeader, format)
	out.Data = data
	p.publish(out)
}

// End says that the run has ended, once, and gives the API server's answer. After an error it may have been heard or not: say it again.
func (p *Publisher) End(ctx context.Context, text []byte) ([]byte, error) {
	out := p.event()
	out.Header.Set(endHeader, "1")
	out.Data = text
	reply, err := p.nc.RequestMsgWithContext(ctx, out)
	if err != nil {
		return nil, err
	}
	return reply.Data, nil
}

func (p *Publisher) event() *nats.Msg {
	m := nats.NewMsg(subject + p.run.Prompt)
	m.Header.Set(workerHeader, p.run.Worker)
	m.Header.Set(attemptHeader, strconv.Itoa(p.run.Attempt))
	return m
}

func (p *Publisher) publish(m *nats.Msg) {
	if err := p.nc.PublishMsg(m); err != nil {
		// The end of the run is asked for an answer; events on the way can be missed.
		p.log.Debug("cannot publish an event", "prompt", p.run.Prompt, "reason", err.Error())
	}
}
