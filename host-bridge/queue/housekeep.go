package queue

import (
	"context"
	"time"
)

// housekeep gives up prompts of dead workers, makes up for lost tickets and drops the oldest history.
func (s *Server) housekeep(ctx context.Context) {
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-s.trimming:
			s.trim(ctx)
		case now := <-every.C:
			if now.Sub(last) > deadAfter/2 { // this process stood still: signs of life may wait to be read
				s.workers.begin()
			}
			last = now
			s.conn.reap(ctx, s.replica, s.workers, s.LocalWorker())
			s.topUp(ctx)
		}
	}
}

// topUp publishes tickets where there are fewer than prompts: a process was killed between a record and its ticket. One ticket too
// many does no harm.
func (s *Server) topUp(ctx context.Context) {
	running, pending := s.replica.live()
	if len(pending) == 0 {
		return
	}
	info, err := s.conn.work.Info(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.log.Warn("cannot count the tickets; trying again", "reason", err.Error())
		}
		return
	}
	for range len(running) + len(pending) - int(info.State.Msgs) {
		if err := s.conn.ticket(ctx, 0); err != nil {
			return // the next round tries again
		}
	}
}

// trim drops the oldest ended prompts beyond the limits.
func (s *Server) trim(ctx context.Context) {
	for _, id := range s.replica.surplus(s.options.MaxHistory, s.options.MaxBytes) {
		if err := s.remove(ctx, id, State.Ended); err != nil && ctx.Err() == nil {
			s.log.Warn("cannot drop an old prompt", "prompt", id, "reason", err.Error())
		}
	}
}
