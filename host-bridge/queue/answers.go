package queue

import (
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/isac-guidance/isac/host-bridge/events"
	"github.com/isac-guidance/isac/host-bridge/store"
)

// listen begins to answer workers.
func (s *Server) listen() error {
	if _, err := events.Listen(s.conn.nc, s.log, s.event); err != nil {
		return err
	}
	if _, err := store.Receive(s.conn.nc, s.files, s.log); err != nil {
		return err
	}
	if _, err := store.Provide(s.conn.nc, s.files, s.log); err != nil {
		return err
	}
	sub, err := s.conn.nc.Subscribe(askSubjects, func(m *nats.Msg) { s.answer(m, s.asked(m)) })
	if err == nil {
		err = sub.SetPendingLimits(-1, 64<<20)
	}
	if err != nil {
		return fmt.Errorf("listen to workers: %w", err)
	}
	return nil
}

// asked answers a worker's question; one that cannot be read gets none.
func (s *Server) asked(m *nats.Msg) any {
	var err error
	switch m.Subject {
	case helloSubject:
		return hello{protocol}
	case claimSubject:
		var q claimAsk
		if err = json.Unmarshal(m.Data, &q); err == nil {
			return s.claimed(q.Worker)
		}
	case beatSubject:
		var q beatAsk
		if err = json.Unmarshal(m.Data, &q); err == nil {
			s.workers.renew(q.WorkerInfo)
			return s.judged(q)
		}
	case leaveSubject:
		var q leaveAsk
		if err = json.Unmarshal(m.Data, &q); err == nil {
			return s.left(q.Worker)
		}
	default:
		err = fmt.Errorf("the question is unknown; use one release of isac-host everywhere")
	}
	s.log.Warn("a worker's question cannot be answered", "subject", m.Subject, "reason", err)
	return nil
}

// answer sends an answer.
func (s *Server) answer(m *nats.Msg, a any) {
	if a == nil {
		return
	}
	text, err := json.Marshal(a)
	if err == nil {
		err = m.Respond(text)
	}
	if err != nil {
		s.log.Debug("cannot answer a worker", "subject", m.Subject, "reason", err.Error())
	}
}

// claimed gives a worker a prompt. One that cannot be sent, as NATS takes less than when it was put, ends.
func (s *Server) claimed(worker string) claimAnswer {
	for {
		r, err := s.ledger.claim(worker)
		if err != nil {
			return claimAnswer{Error: err.Error()}
		}
		if r == nil {
			return claimAnswer{}
		}
		text, err := encode(r)
		if err == nil && len(text) <= int(s.conn.nc.MaxPayload())-messageRoom {
			return claimAnswer{Record: r}
		}
		why := fmt.Sprintf("it has %d bytes, which is more than NATS takes (max_payload is %d)", len(text), s.conn.nc.MaxPayload())
		if _, err := s.ledger.finish(r.run(), Failed, failedWith(r, "PromptTooLarge", why)); err != nil {
			return claimAnswer{Error: err.Error()}
		}
	}
}

func (s *Server) judged(q beatAsk) verdict {
	if q.PromptID == "" {
		return verdict{}
	}
	return s.ledger.judge(events.Run{Prompt: q.PromptID, Worker: q.ID, Attempt: q.Attempt})
}

func (s *Server) left(worker string) endAnswer {
	s.workers.leave(worker)
	if err := s.ledger.putBack(worker); err != nil {
		return endAnswer{Error: err.Error()}
	}
	s.wakeWorkers()
	return endAnswer{Ours: true}
}

// event takes what a run published. What comes of a worker that was given up is dropped.
func (s *Server) event(e events.Event) {
	if e.End != nil {
		text, err := json.Marshal(s.ended(e))
		if err == nil {
			err = e.Answer(text)
		}
		if err != nil {
			s.log.Debug("cannot answer a worker", "prompt", e.Prompt, "reason", err.Error())
		}
		return
	}
	if r, ok := s.ledger.record(e.Prompt); ok && r.isRun(e.Run) {
		s.notices.add(Notice{Record: r, Message: e.Message, Preview: e.Preview})
	}
}

func (s *Server) ended(e events.Event) endAnswer {
	var q endAsk
	if err := json.Unmarshal(e.End, &q); err != nil {
		return endAnswer{Error: fmt.Sprintf("the end cannot be read: %v", err)}
	}
	if !q.State.Ended() {
		return endAnswer{Error: fmt.Sprintf("%q is no end", q.State)}
	}
	ours, err := s.ledger.finish(e.Run, q.State, q.Result)
	if err != nil {
		return endAnswer{Error: err.Error()}
	}
	return endAnswer{Ours: ours}
}

// wakeWorkers tells workers that there may be something to claim. They look by themselves too, only later.
func (s *Server) wakeWorkers() {
	if err := s.conn.nc.Publish(workSubject, nil); err != nil {
		s.log.Debug("cannot wake the workers", "reason", err.Error())
	}
}

// tell tells a worker of a verdict at once. The answer to its next beat says the same.
func (s *Server) tell(worker string, v verdict) {
	text, err := json.Marshal(v)
	if err == nil {
		err = s.conn.nc.Publish(verdictSubject(worker), text)
	}
	if err != nil {
		s.log.Debug("cannot tell a worker of its run", "worker", worker, "reason", err.Error())
	}
}
