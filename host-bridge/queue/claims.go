package queue

import (
	"errors"
	"time"

	"github.com/isac-guidance/isac/host-bridge/events"
)

// claim gives a worker the prompt that runs next, or the one that it runs already by the ledger: then the answer to its last claim was
// lost. nil where nothing waits.
func (l *ledger) claim(worker string) (*Record, error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	running, pending := l.live()
	for _, r := range running {
		if r.Worker == worker {
			return r, nil
		}
	}
	if len(pending) == 0 {
		return nil, nil
	}
	return l.edit(pending[0].ID, func(r *Record) bool {
		r.State, r.Worker, r.Started = Running, worker, time.Now().UTC()
		r.Attempt++
		r.Interrupting = false
		return true
	})
}

// finish writes the end of a run; false where the prompt is no longer this run's.
func (l *ledger) finish(run events.Run, state State, result *Result) (bool, error) {
	done := false
	_, err := l.change(run.Prompt, func(r *Record) bool {
		// Its own end, whose answer was lost.
		done = r.State.Ended() && r.run() == run
		if !r.isRun(run) {
			return false
		}
		done = true
		r.State, r.Result, r.Ended, r.Interrupting = state, result, time.Now().UTC(), false
		return true
	})
	if errors.Is(err, errGone) {
		return false, nil
	}
	return done && err == nil, err
}

// putBack makes what a worker runs pending again, without counting a death: the worker stops. What was to be interrupted ends.
func (l *ledger) putBack(worker string) error {
	running, _ := l.live()
	var failed []error
	for _, lost := range running {
		if lost.Worker != worker {
			continue
		}
		_, err := l.change(lost.ID, func(r *Record) bool {
			if !r.isRun(lost.run()) {
				return false
			}
			if r.Interrupting { // nobody wants it run again
				r.State, r.Ended, r.Result, r.Interrupting = Interrupted, time.Now().UTC(), interruptedWithout(r), false
				return true
			}
			r.State, r.Worker, r.Started = Pending, "", time.Time{}
			return true
		})
		if err != nil && !errors.Is(err, errGone) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// giveUp deals with a running prompt whose worker is dead: it becomes pending again, or ends where it was to be interrupted or has
// cost too many workers.
func (l *ledger) giveUp(lost *Record) error {
	changed := false
	now, err := l.change(lost.ID, func(r *Record) bool {
		if changed = r.isRun(lost.run()); !changed {
			return false
		}
		r.Deaths++
		switch {
		case r.Interrupting:
			r.State, r.Ended, r.Result = Interrupted, time.Now().UTC(), interruptedWithout(r)
		case r.Deaths >= maxDeaths:
			r.State, r.Ended, r.Result = Failed, time.Now().UTC(), lostWorkers(r)
		default:
			r.State, r.Worker, r.Started = Pending, "", time.Time{}
		}
		r.Interrupting = false
		return true
	})
	if errors.Is(err, errGone) || err == nil && !changed {
		return nil
	}
	if err != nil {
		return err
	}
	l.log.Warn("a worker is gone in the middle of a prompt", "prompt", now.ID, "worker", lost.Worker, "attempt", lost.Attempt, "prompt_is_now", string(now.State))
	return nil
}

// interrupt notes that a running prompt is to stop, and gives it; nil where it does not run.
func (l *ledger) interrupt(id string) (*Record, error) {
	now, err := l.change(id, func(r *Record) bool {
		if r.State != Running || r.Interrupting {
			return false
		}
		r.Interrupting = true
		return true
	})
	if errors.Is(err, errGone) || err == nil && !now.Interrupting {
		return nil, nil
	}
	return now, err
}

// judge says whether a run is to go on.
func (l *ledger) judge(run events.Run) verdict {
	v := verdict{Prompt: run.Prompt, Attempt: run.Attempt}
	switch r, ok := l.record(run.Prompt); {
	case !ok || !r.isRun(run):
		v.Stop = stopLost
	case r.Interrupting:
		v.Stop = stopInterrupted
	}
	return v
}
