package queue

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/isac-guidance/isac/host-bridge/message"
)

// Publisher publishes the events of one run; the API server passes them on in this order.
type Publisher struct {
	conn   *Conn
	record *Record
	number atomic.Int64
}

// Message is for the prompt's client.
func (p *Publisher) Message(e message.Event) message.Message {
	m := message.Of(e)
	out := p.event()
	out.Header.Set(typeHeader, m.Type)
	out.Data = m.Data
	p.publish(out)
	return m
}

// Preview is a picture of unfinished work.
func (p *Publisher) Preview(node, format string, data []byte) {
	if len(data) > int(p.conn.nc.MaxPayload())-1024 {
		return // a picture can be missed
	}
	out := p.event()
	out.Header.Set(nodeHeader, node)
	out.Header.Set(formatHeader, format)
	out.Data = data
	p.publish(out)
}

func (p *Publisher) event() *nats.Msg {
	m := nats.NewMsg(eventSubject + p.record.ID)
	m.Header.Set(attemptHeader, strconv.Itoa(p.record.Attempt))
	return m
}

func (p *Publisher) publish(m *nats.Msg) {
	m.Header.Set(numberHeader, strconv.FormatInt(p.number.Add(1), 10))
	if err := p.conn.nc.PublishMsg(m); err != nil {
		// The end of the run is in its record; events on the way can be missed.
		p.conn.log.Debug("cannot publish an event", "prompt", p.record.ID, "reason", err.Error())
	}
}

func (p *Publisher) count() int { return int(p.number.Load()) }

// flush waits until the server has what was published.
func (p *Publisher) flush() {
	if err := p.conn.nc.FlushTimeout(time.Second); err != nil {
		p.conn.log.Debug("cannot flush events", "reason", err.Error())
	}
}

// Fits says why a result is too large to be stored; nil where it is not.
func (p *Publisher) Fits(result *Result) error { return p.conn.fits(p.record, result) }

// Files are where the run's nodes write.
func (p *Publisher) Files() Files { return p.conn.Files() }
