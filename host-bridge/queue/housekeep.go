package queue

import (
	"context"
	"time"
)

// housekeep gives up prompts of dead workers and drops the oldest history.
func (s *Server) housekeep(ctx context.Context) {
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-s.trimming:
			s.trim()
		case now := <-every.C:
			if now.Sub(last) > deadAfter/2 { // this process stood still: signs of life may wait to be read
				s.workers.begin()
			}
			last = now
			s.reap()
			s.workers.forget()
		}
	}
}

// reap gives up the running prompts of dead workers. The one of this process is none: it would be dead with the process, and what it
// left is dealt with when the next one begins. On a machine without time to spare its signs of life may come late.
func (s *Server) reap() {
	running, _ := s.ledger.live()
	for _, r := range running {
		if r.Worker == s.LocalWorker() || !s.workers.dead(r.Worker) {
			continue
		}
		if err := s.ledger.giveUp(r); err != nil {
			s.log.Warn("cannot give up the prompt of a dead worker; trying again", "prompt", r.ID, "reason", err.Error())
			continue
		}
		s.wakeWorkers()
	}
}

// trim drops the oldest ended prompts beyond the limits.
func (s *Server) trim() {
	ids := s.ledger.surplus(s.options.MaxHistory, s.options.MaxBytes)
	if err := s.ledger.remove(ids, State.Ended); err != nil {
		s.log.Warn("cannot drop the oldest prompts; trying again after the next one", "reason", err.Error())
	}
}

// LocalWorker is the id of the worker that lives in this process. As the data folder belongs to one process at a time, a prompt that
// runs under this id when a process begins is one that the process before it left.
func (s *Server) LocalWorker() string { return "local-" + s.home }

// recover makes the prompts pending again that the local worker of a killed process was running.
func (s *Server) recover() error {
	running, _ := s.ledger.live()
	for _, r := range running {
		if r.Worker != s.LocalWorker() {
			continue
		}
		if err := s.ledger.giveUp(r); err != nil {
			return err
		}
	}
	return nil
}
