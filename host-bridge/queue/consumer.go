package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/isac-guidance/isac/host-bridge/events"
	"github.com/isac-guidance/isac/host-bridge/store"
)

// ErrInterrupted is the cause of a run's context that a client interrupted.
var ErrInterrupted = errors.New("the prompt was interrupted")

// errLost is the cause of a run's context whose prompt is no longer its worker's: the API server took the worker for dead.
var errLost = errors.New("the prompt was given to another worker")

// Worker is what takes prompts off the queue: package host-bridge/worker has one.
type Worker interface {
	// Info is what the worker says of itself; the prompt that it runs is filled in.
	Info() WorkerInfo
	// Describe gives the /object_info entries by class.
	Describe(ctx context.Context) (map[string]json.RawMessage, error)
	// Run runs a prompt and publishes what happens. Where ctx ends before the prompt does, what Run returns counts only if ctx's cause
	// is ErrInterrupted.
	Run(ctx context.Context, r *Record, events *Publisher) (State, *Result)
	// Free gives memory back. It is called between prompts.
	Free(ctx context.Context, unloadModels, freeMemory bool) error
}

// Publisher publishes the events of one run.
type Publisher struct {
	*events.Publisher
	conn *Conn
}

// Fits says why a result is too large to be stored; nil where it is not.
func (p *Publisher) Fits(result *Result) error { return p.conn.fits(result) }

// Files are where the run's nodes write.
func (p *Publisher) Files() store.Writer { return p.conn.Files() }

// Inputs are where the run's nodes read.
func (p *Publisher) Inputs() store.Reader { return p.conn.Inputs() }

// consumer serves the queue for one worker.
type consumer struct {
	conn   *Conn
	id     string
	worker Worker
	log    *slog.Logger
	free   chan freeRequest
	// woken: there may be something to claim.
	woken chan struct{}
	// current is the run under way.
	current *current
}

// Consume takes prompts for a worker, one at a time, until ctx ends; then it makes the prompt that is running pending again, and returns
// once its run has ended. The id has to be this worker's alone.
func (c *Conn) Consume(ctx context.Context, id string, w Worker) error {
	t := &consumer{
		conn: c, id: id, worker: w, log: c.log.With("worker", id), free: make(chan freeRequest, 4), woken: make(chan struct{}, 1), current: &current{},
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	unsubscribe, err := t.listen(background)
	if err != nil {
		return err
	}
	defer unsubscribe()
	beaten := make(chan struct{})
	go func() {
		defer close(beaten)
		t.beat(background)
	}()
	defer func() { stop(); <-beaten; t.leave() }()
	t.loop(ctx)
	return nil
}

// listen answers questions and takes requests.
func (t *consumer) listen(ctx context.Context) (func(), error) {
	describe, err := t.conn.nc.Subscribe(describeSubject(t.id), func(m *nats.Msg) {
		go func() { // asking a plugin may take a while
			var d description
			entries, err := t.worker.Describe(ctx)
			if d.Nodes = entries; err != nil {
				d.Error = err.Error()
			}
			text, err := json.Marshal(d)
			if err == nil {
				err = m.Respond(text)
			}
			if err != nil {
				t.log.Warn("cannot publish to the API server which nodes there are", "reason", err.Error())
			}
		}()
	})
	free, err2 := t.conn.nc.Subscribe(freeSubject, func(m *nats.Msg) {
		var request freeRequest
		if json.Unmarshal(m.Data, &request) != nil {
			return
		}
		select {
		case t.free <- request:
		default: // enough are waiting
		}
		nudge(t.woken)
	})
	work, err3 := t.conn.nc.Subscribe(workSubject, func(*nats.Msg) { nudge(t.woken) })
	judged, err4 := t.conn.nc.Subscribe(verdictSubject(t.id), func(m *nats.Msg) {
		var v verdict
		if json.Unmarshal(m.Data, &v) == nil { // else the answer to a beat says it
			t.current.judged(v)
		}
	})
	if err := errors.Join(err, err2, err3, err4); err != nil {
		return nil, fmt.Errorf("listen to the API server: %w", err)
	}
	return func() {
		for _, sub := range []*nats.Subscription{describe, free, work, judged} {
			_ = sub.Unsubscribe() // fails where the connection is gone, and the subscription with it
		}
	}, nil
}

// beat says again and again that the worker lives.
func (t *consumer) beat(ctx context.Context) {
	every := time.NewTicker(beatEvery)
	defer every.Stop()
	for failed := false; ; {
		err := t.sayAlive(ctx)
		if err != nil && !failed && ctx.Err() == nil {
			t.log.Warn("cannot renew this worker's lease; trying again", "reason", err.Error())
		}
		failed = err != nil
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		case <-t.current.turned():
		}
	}
}

func (t *consumer) sayAlive(ctx context.Context) error {
	info := t.worker.Info() // may take a while where a plugin is busy
	ctx, stop := context.WithTimeout(ctx, 2*beatEvery)
	defer stop()
	run := t.current.run()
	info.ID, info.PromptID = t.id, run.Prompt
	var v verdict
	if err := t.conn.ask(ctx, beatSubject, beatAsk{info, run.Attempt}, &v); err != nil {
		return err
	}
	t.current.judged(v)
	return nil
}

// leave says that the worker is gone, so that nobody waits for it and what it ran is run by another.
func (t *consumer) leave() {
	ctx, stop := context.WithTimeout(context.Background(), leaveTime)
	defer stop()
	var a endAnswer
	err := t.conn.ask(ctx, leaveSubject, leaveAsk{t.id}, &a)
	if err == nil && a.Error != "" {
		err = errors.New(a.Error)
	}
	if err != nil {
		t.log.Warn("cannot take leave of the API server; what ran here runs again once this worker is known to be gone", "reason", err.Error())
	}
}

// loop runs prompt after prompt.
func (t *consumer) loop(ctx context.Context) {
	for ctx.Err() == nil {
		t.freeAll(ctx)
		record, err := t.claim(ctx)
		switch {
		case err != nil:
			t.failed(ctx, "claim a prompt", err)
		case record != nil:
			t.perform(ctx, record)
		default:
			t.rest(ctx)
		}
	}
}

// claim asks for a prompt; nil where none waits. Where the answer is lost the next claim gets it again.
func (t *consumer) claim(ctx context.Context) (*Record, error) {
	var a claimAnswer
	if err := t.conn.ask(ctx, claimSubject, claimAsk{t.id}, &a); err != nil {
		return nil, err
	}
	if a.Error != "" {
		return nil, errors.New(a.Error)
	}
	return a.Record, nil
}

// rest waits until there may be something to do.
func (t *consumer) rest(ctx context.Context) {
	look := time.NewTimer(lookEvery)
	defer look.Stop()
	select {
	case <-ctx.Done():
	case <-t.woken:
	case <-look.C:
	}
}

func (t *consumer) failed(ctx context.Context, doing string, err error) {
	if ctx.Err() != nil {
		return
	}
	t.log.Warn("cannot "+doing+"; trying again", "reason", err.Error())
	wait(ctx, 500*time.Millisecond)
}

// freeAll does what was asked for meanwhile.
func (t *consumer) freeAll(ctx context.Context) {
	for {
		select {
		case request := <-t.free:
			if err := t.worker.Free(ctx, request.UnloadModels, request.FreeMemory); err != nil {
				t.log.Warn("cannot free memory", "reason", err.Error())
			}
		default:
			return
		}
	}
}
