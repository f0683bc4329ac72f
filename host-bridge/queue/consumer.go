package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
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

// consumer serves the queue for one worker.
type consumer struct {
	conn    *Conn
	id      string
	worker  Worker
	log     *slog.Logger
	replica *replica
	free    chan freeRequest
	// current is the run under way.
	current *current
}

// Consume takes prompts for a worker, one at a time, until ctx ends; then it makes the prompt that is running pending again, and returns
// once its run has ended. The id has to be this worker's alone.
func (c *Conn) Consume(ctx context.Context, id string, w Worker) error {
	t := &consumer{conn: c, id: id, worker: w, log: c.log.With("worker", id), free: make(chan freeRequest, 4), current: &current{}}
	t.replica = newReplica(false, t.changed, c.log)
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	again := make(chan struct{}, 1)
	c.onReconnect(func() { nudge(again) })
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		follow(background, c.prompts, ">", t.replica, again, c.log)
	}()
	defer func() { stop(); <-followed }()
	select {
	case <-t.replica.ready:
	case <-ctx.Done():
		return nil
	}
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
	return t.loop(ctx)
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
	if err != nil {
		return nil, fmt.Errorf("listen to the API server: %w", err)
	}
	free, err := t.conn.nc.Subscribe(freeSubject, func(m *nats.Msg) {
		var request freeRequest
		if json.Unmarshal(m.Data, &request) != nil {
			return
		}
		select {
		case t.free <- request:
		default: // enough are waiting
		}
	})
	if err != nil {
		return nil, fmt.Errorf("listen to the API server: %w", err)
	}
	return func() {
		_ = describe.Unsubscribe() // fails where the connection is gone, and the subscription with it
		_ = free.Unsubscribe()
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
	ctx, stop := context.WithTimeout(ctx, beatEvery)
	defer stop()
	info.ID, info.PromptID = t.id, t.current.prompt()
	text, err := json.Marshal(info)
	if err != nil {
		return err
	}
	_, err = t.conn.workers.Put(ctx, workerKey(t.id), text)
	return err
}

// leave says that the worker is gone, so that nobody waits for it.
func (t *consumer) leave() {
	ctx, stop := context.WithTimeout(context.Background(), beatEvery)
	defer stop()
	if err := t.conn.workers.Delete(ctx, workerKey(t.id)); err != nil {
		t.log.Debug("cannot take leave of the API server", "reason", err.Error())
	}
}

// changed is called with every record.
func (t *consumer) changed(_, now *Record) {
	if now != nil {
		t.current.changed(now, t.id)
	}
}

// loop takes ticket after ticket.
func (t *consumer) loop(ctx context.Context) error {
	var consumer jetstream.Consumer
	for ctx.Err() == nil {
		t.freeAll(ctx)
		if consumer == nil {
			var err error
			if consumer, err = t.conn.work.Consumer(ctx, workConsumer); err != nil {
				t.failed(ctx, "find the queue", err)
				continue
			}
		}
		ticket, err := next(ctx, consumer)
		if err != nil {
			t.failed(ctx, "take a ticket", err)
			consumer = nil
			continue
		}
		if ticket != nil {
			t.serve(ctx, ticket)
		}
	}
	return nil
}

// next is the next ticket; nil where there was none for a while.
func next(ctx context.Context, consumer jetstream.Consumer) (jetstream.Msg, error) {
	// Short enough for requests to free memory to be received between prompts.
	waiting, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	batch, err := consumer.Fetch(1, jetstream.FetchContext(waiting))
	if err != nil {
		return nil, err
	}
	for m := range batch.Messages() {
		return m, nil
	}
	if err := batch.Error(); err != nil && waiting.Err() == nil && !errors.Is(err, nats.ErrTimeout) {
		return nil, err
	}
	return nil, nil
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
