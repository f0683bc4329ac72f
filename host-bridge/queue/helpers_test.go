package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/isac-guidance/isac/host-bridge/message"
	"github.com/isac-guidance/isac/plugin/await"
)

// open opens a queue over a folder; it is closed at the test's end.
func open(t *testing.T, data string, change ...func(*Options)) *Server {
	t.Helper()
	options := Options{Data: data, Log: slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	for _, c := range change {
		c(&options)
	}
	s, err := Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // some tests close it before
	return s
}

// testLog writes to a test's log while the test runs.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	if l.t.Context().Err() == nil {
		l.t.Logf("%s", p)
	}
	return len(p), nil
}

// fake is a worker whose prompts take as long as run says.
type fake struct {
	run func(ctx context.Context, r *Record, events *Publisher) (State, *Result)

	mu    sync.Mutex
	ran   []string
	freed []string
}

func (f *fake) Info() WorkerInfo { return WorkerInfo{Host: "test"} }

func (f *fake) Describe(context.Context) (map[string]json.RawMessage, error) {
	return map[string]json.RawMessage{"Nothing": json.RawMessage(`{"output":[]}`)}, nil
}

func (f *fake) Run(ctx context.Context, r *Record, events *Publisher) (State, *Result) {
	f.mu.Lock()
	f.ran = append(f.ran, r.ID)
	f.mu.Unlock()
	if f.run != nil {
		return f.run(ctx, r, events)
	}
	return done(r, events)
}

func (f *fake) Free(_ context.Context, unloadModels, freeMemory bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.freed = append(f.freed, fmt.Sprint(unloadModels, freeMemory))
	return nil
}

func (f *fake) order() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string{}, f.ran...)
}

// done is the end of a prompt that went well.
func done(r *Record, events *Publisher) (State, *Result) {
	first := events.Message(message.ExecutionStart{PromptID: r.ID})
	last := events.Message(message.ExecutionSuccess{PromptID: r.ID})
	return Success, &Result{Outputs: map[string]json.RawMessage{"1": json.RawMessage(`{}`)}, Messages: []message.Message{first, last}}
}

// wait waits for the end of a prompt's context, as a node does that is interrupted.
func untilStopped(ctx context.Context, r *Record, _ *Publisher) (State, *Result) {
	<-ctx.Done()
	return Interrupted, &Result{Messages: []message.Message{message.Of(message.ExecutionInterrupted{PromptID: r.ID, Executed: []string{}})}}
}

// take has a worker take prompts until stop is called, which waits for it.
func take(t *testing.T, c *Conn, id string, w Worker) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := c.Consume(ctx, id, w); err != nil {
			t.Error(err)
		}
	}()
	stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(stop)
	return stop
}

// put puts prompts of these ids.
func put(t *testing.T, s *Server, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := s.Put(t.Context(), Prompt{ID: id, Number: s.NextNumber(), Workflow: json.RawMessage(`{}`)}); err != nil {
			t.Fatal(err)
		}
	}
}

// eventually waits for something to become true, for as long as a busy machine may take.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	await.Until(t, time.Minute, what, holds)
}

// state is a prompt's state; empty where there is no such prompt.
func state(s *Server, id string) State {
	if r, ok := s.Record(id); ok {
		return r.State
	}
	return ""
}

// claim gives the prompt that runs next to a worker, as if that had asked for it.
func claim(t *testing.T, s *Server, worker, id string) *Record {
	t.Helper()
	r, err := s.ledger.claim(worker)
	if err != nil || r == nil || r.ID != id {
		t.Fatalf("%s claims %v, %v; want %s", worker, r, err, id)
	}
	return r
}
