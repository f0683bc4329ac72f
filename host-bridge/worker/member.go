package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/isac-guidance/isac/plugin"
)

// patience bounds the starts that may fail, or end soon, in a row before prompts are refused at once.
const patience = 8

// backoff is what a worker waits: at once, then 1 s, 2 s, 4 s … 30 s.
func backoff(fruitless int) time.Duration {
	if fruitless == 0 {
		return 0
	}
	return min(time.Second<<min(fruitless-1, 10), 30*time.Second)
}

// client is what a worker needs of a plugin. *plugin.Client is one.
type client interface {
	Describe(ctx context.Context) (plugin.Description, error)
	Execute(ctx context.Context, request plugin.Request, events func(plugin.Event)) (plugin.Result, error)
	Release(ctx context.Context, ids ...string) error
	Free(ctx context.Context, handles bool) error
	Stats(ctx context.Context) (plugin.Stats, error)
	Exited() <-chan struct{}
	Err() error
	Close() error
}

// member is one plugin that is kept alive.
type member struct {
	name  string
	start func(ctx context.Context) (client, error)
	// delay is how long to wait before a start after so many fruitless ones.
	delay func(fruitless int) time.Duration
	log   *slog.Logger

	mu sync.Mutex
	// live is nil while the process starts; changed is closed and replaced whenever that, or trouble, changes.
	live    client
	changed chan struct{}
	// trouble is why there is none, once patience has ended.
	trouble error
	// fruitless counts the starts since the last node that ran well.
	fruitless int
	restarts  int
	// suspects counts those who wait for it to stop something; prompts wait with them.
	suspects int
	// calls is held by those who call the process, to be told how it ended before it is cleaned up.
	calls sync.RWMutex

	// patience is what it has to stop after an interrupt.
	patience time.Duration
	// dropped takes a process that does not end although it was killed.
	dropped chan client

	// background ends with the member, after which watchers end.
	background context.Context
	stop       context.CancelFunc
	watchers   sync.WaitGroup
	done       chan struct{}
}

// newMember starts a plugin; an error of the very first start is returned.
func newMember(ctx context.Context, name string, start func(context.Context) (client, error), delay func(int) time.Duration, log *slog.Logger) (*member, error) {
	m := &member{
		name: name, start: start, delay: delay, log: log.With("plugin", name), patience: DefaultPatience,
		changed: make(chan struct{}), dropped: make(chan client), done: make(chan struct{}),
	}
	first, err := start(ctx)
	if err != nil {
		return nil, err
	}
	m.live = first
	m.background, m.stop = context.WithCancel(context.Background())
	go func() {
		defer close(m.done)
		m.keep(m.background, first)
	}()
	return m, nil
}

// keep starts the plugin again whenever it is gone, until ctx ends.
func (m *member) keep(ctx context.Context, live client) {
	for {
		if live != nil {
			select {
			case <-ctx.Done():
				return
			case <-live.Exited():
				m.log.Error("plugin is gone; it is started again", "reason", reasonOf(live.Err()))
				m.gone(live)
			case dropped := <-m.dropped:
				if dropped != live {
					continue // it has ended after all
				}
				m.forget()
			}
		}
		if ctx.Err() != nil {
			return
		}
		var err error
		if live, err = m.again(ctx); err != nil && ctx.Err() == nil {
			m.log.Error("plugin does not start; trying again", "reason", err.Error())
		}
	}
}

// forget makes it known that there is no process.
func (m *member) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.live = nil
	m.turn()
}

// gone takes leave of a process.
func (m *member) gone(dead client) {
	m.forget()
	m.calls.Lock()
	defer m.calls.Unlock()
	if err := dead.Close(); err != nil { // what it left on the disk
		m.log.Warn("cannot clean up after the plugin", "reason", err.Error())
	}
}

// again starts the process once more, after the time that the starts before it have earned.
func (m *member) again(ctx context.Context) (client, error) {
	m.mu.Lock()
	waits := m.delay(m.fruitless)
	m.fruitless++
	m.restarts++
	m.mu.Unlock()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(waits):
	}
	live, err := m.start(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		if m.fruitless >= patience {
			m.trouble = fmt.Errorf("plugin %s did not start %d times in a row; the last time: %w", m.name, m.fruitless, err)
			m.turn()
		}
		return nil, err
	}
	if m.fruitless < patience {
		m.trouble = nil
	}
	m.live = live
	m.turn()
	return live, nil
}

func (m *member) turn() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// get is the running plugin; it waits for one that is being started, and for one that is stopping what it did.
func (m *member) get(ctx context.Context) (client, error) { return m.wait(ctx, true) }

// wait is get; unless it is for work, a plugin that is stopping something will do.
func (m *member) wait(ctx context.Context, work bool) (client, error) {
	for {
		m.mu.Lock()
		live, trouble, changed, free := m.live, m.trouble, m.changed, m.suspects == 0 || !work
		m.mu.Unlock()
		switch {
		case live != nil && alive(live) && !free:
		case live != nil && alive(live): // of one that is dead we hear in a moment
			return live, nil
		case trouble != nil:
			return nil, trouble
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// now is the running plugin, or nil.
func (m *member) now() client {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.live
}

// good notes that a node ran well: the plugin is in order.
func (m *member) good() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fruitless, m.trouble = 0, nil
}

// state is how often the plugin was started again, and what ails it.
func (m *member) state() (restarts int, trouble error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.restarts, m.trouble
}

// describe asks the plugin for its nodes. One that dies meanwhile is asked again once it is back.
func (m *member) describe(ctx context.Context) (plugin.Description, error) {
	for {
		live, err := m.wait(ctx, false)
		if err != nil {
			return plugin.Description{}, err
		}
		d, err := live.Describe(ctx)
		if err != nil && ctx.Err() != nil && alive(live) {
			m.suspect(live, "saying what nodes it has", max(m.patience, describeTime), describing(live))
		}
		switch {
		case err != nil && !alive(live) && ctx.Err() == nil:
			continue
		case err != nil:
			return d, fmt.Errorf("plugin %s: %w", m.name, err)
		case d.Nodes == nil:
			d.Nodes = map[string]json.RawMessage{}
		}
		return d, nil
	}
}

// close ends the plugin for good.
func (m *member) close() error {
	m.stop()
	m.watchers.Wait()
	var err error
	if live := m.now(); live != nil {
		err = live.Close()
	}
	<-m.done
	// One that was just being started.
	if live := m.now(); live != nil {
		err = errors.Join(err, live.Close())
	}
	return err
}

func reasonOf(err error) string {
	if err == nil {
		return "it ended"
	}
	return err.Error()
}
