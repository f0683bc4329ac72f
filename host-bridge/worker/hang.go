package worker

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/isac-guidance/isac/plugin"
)

// DefaultPatience is what a plugin has, after an interrupt, to stop what it does: long enough for one evaluation of a large model on a
// slow processor, after each of which it looks. What hangs in a system call, a driver or a library never looks.
const DefaultPatience = 20 * time.Second

const (
	// describeTime is the same for saying what nodes there are, for which it may load gigabytes of libraries first.
	describeTime = 2 * time.Minute
	// lookPeriod is how often it is looked whether it has stopped.
	lookPeriod = 100 * time.Millisecond
	// farewellTime bounds waiting for the end of a process that was killed; one in a system call that cannot be broken is left behind.
	farewellTime = 10 * time.Second
)

// suspect keeps prompts from a plugin that was told to stop until it has, and ends the process when its time is over: it is started again,
// and the next prompt finds one that works. busy says whether it has not stopped yet.
func (m *member) suspect(live client, doing string, patience time.Duration, busy func(ctx context.Context) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.live != live || m.background.Err() != nil {
		return // it is gone anyway
	}
	m.suspects++
	m.turn()
	m.watchers.Go(func() {
		defer func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.suspects--
			m.turn()
		}()
		ctx, stop := context.WithTimeout(m.background, patience)
		defer stop()
		for busy(ctx) && ctx.Err() == nil {
			select {
			case <-live.Exited():
				return
			case <-ctx.Done():
			case <-time.After(lookPeriod):
			}
		}
		if m.background.Err() != nil || ctx.Err() == nil || !alive(live) {
			return
		}
		m.log.Error("plugin does not stop what it was told to stop; it is ended and started again", "doing", doing, "patience", patience.String())
		m.drop(live)
	})
}

// drop takes leave of a process that hangs: it is killed, and not waited for.
func (m *member) drop(live client) {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		if err := live.Close(); err != nil {
			m.log.Warn("cannot clean up after the plugin", "reason", err.Error())
		}
	}()
	select {
	case <-closed:
	case <-time.After(farewellTime):
		m.log.Error("the plugin's process does not end although it was killed: it is in a system call, such as reading from a drive that does not answer; another one is started")
		select {
		case m.dropped <- live:
		case <-m.background.Done():
		}
	}
}

// executing says whether a plugin still works on a node. One that gives no statistics is believed to have stopped.
func executing(live client, request plugin.Request) func(context.Context) bool {
	return func(ctx context.Context) bool {
		ctx, stop := context.WithTimeout(ctx, statsTime)
		defer stop()
		stats, err := live.Stats(ctx)
		if err != nil {
			return status.Code(err) != codes.Unimplemented
		}
		for _, r := range stats.Running {
			if r.PromptID == request.PromptID && r.NodeID == request.NodeID {
				return true
			}
		}
		return false
	}
}

// describing says whether a plugin does not say what it can do.
func describing(live client) func(context.Context) bool {
	return func(ctx context.Context) bool {
		_, err := live.Describe(ctx)
		return err != nil && ctx.Err() != nil
	}
}
