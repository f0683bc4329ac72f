package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/isac-guidance/isac/host-bridge/message"
)

func TestPromptsRunByTheirNumbers(t *testing.T) {
	s := open(t, t.TempDir())
	for i, number := range []float64{5, 1, 3, -2, 3} {
		if err := s.Put(t.Context(), Prompt{ID: fmt.Sprint("p", i), Number: number, Workflow: json.RawMessage(`{}`)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, pending := s.Snapshot(); !reflect.DeepEqual(idsOf(pending), []string{"p3", "p1", "p2", "p4", "p0"}) {
		t.Errorf("pending are %v", idsOf(pending))
	}
	w := &fake{}
	take(t, s.Conn(), "w", w)
	eventually(t, "all have ended", func() bool { return len(s.History()) == 5 })
	if got := w.order(); !reflect.DeepEqual(got, []string{"p3", "p1", "p2", "p4", "p0"}) {
		t.Errorf("they ran in the order %v", got)
	}
	for _, r := range s.History() {
		if r.State != Success || r.Attempt != 1 || r.Result == nil || r.Started.IsZero() || r.Ended.Before(r.Started) || r.Worker != "w" {
			t.Errorf("a record is %+v", r)
		}
	}
	if n := s.NextNumber(); n != 6 {
		t.Errorf("the next number is %v, want one behind all", n)
	}
}

func TestWhatCannotBePut(t *testing.T) {
	s := open(t, t.TempDir(), func(o *Options) { o.MaxPending = 2 })
	put(t, s, "a", "b")
	err := s.Put(t.Context(), Prompt{ID: "c"})
	if full := (*FullError)(nil); !errors.As(err, &full) || full.Limit != 2 {
		t.Errorf("a third of two: %v", err)
	}
	if err := s.Delete(t.Context(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), Prompt{ID: "b"}); !errors.Is(err, ErrExists) {
		t.Errorf("one id twice: %v", err)
	}
	big := json.RawMessage(`{"text":"` + strings.Repeat("x", embeddedPayload) + `"}`)
	err = s.Put(t.Context(), Prompt{ID: "d", Workflow: big})
	if size := (*SizeError)(nil); !errors.As(err, &size) || size.Bytes < embeddedPayload || size.Limit >= embeddedPayload {
		t.Errorf("one too large: %v", err)
	}
	for _, id := range []string{"", "a b", "a.b", "*", ">", "../x", strings.Repeat("x", 201)} {
		if err := s.Put(t.Context(), Prompt{ID: id}); err == nil {
			t.Errorf("id %q was taken", id)
		}
	}
}

func TestDeleteAndForget(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, "a", "b", "c", "d")
	began := make(chan struct{})
	w := &fake{run: func(ctx context.Context, r *Record, events *Publisher) (State, *Result) {
		if r.ID == "a" {
			return done(r, events)
		}
		close(began)
		return untilStopped(ctx, r, events)
	}}
	stop := take(t, s.Conn(), "w", w)
	<-began
	eventually(t, "b runs", func() bool { return state(s, "b") == Running })
	if err := s.Delete(t.Context(), []string{"a", "b", "c", "nobody"}); err != nil {
		t.Fatal(err)
	}
	if got := []State{state(s, "a"), state(s, "b"), state(s, "c"), state(s, "d")}; !slices.Equal(got, []State{Success, Running, "", Pending}) {
		t.Errorf("after Delete of all the states are %q; only pending ones go", got)
	}
	if err := s.Delete(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Forget(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := []State{state(s, "a"), state(s, "b"), state(s, "d")}; !slices.Equal(got, []State{"", Running, ""}) {
		t.Errorf("after Forget the states are %q; the running one stays", got)
	}
	stop()
	eventually(t, "b waits again", func() bool { return state(s, "b") == Pending })
}

func TestInterrupt(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.Interrupt(t.Context(), ""); err != nil {
		t.Errorf("with nothing to interrupt: %v", err)
	}
	put(t, s, "a", "b")
	take(t, s.Conn(), "w", &fake{run: func(ctx context.Context, r *Record, events *Publisher) (State, *Result) {
		if r.ID == "b" {
			return done(r, events)
		}
		state, result := untilStopped(ctx, r, events)
		if !errors.Is(context.Cause(ctx), ErrInterrupted) {
			t.Errorf("the cause is %v", context.Cause(ctx))
		}
		return state, result
	}})
	eventually(t, "a runs", func() bool { return state(s, "a") == Running })
	if err := s.Interrupt(t.Context(), "b"); err != nil { // it is pending: nothing happens
		t.Fatal(err)
	}
	if err := s.Interrupt(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a is interrupted and b runs", func() bool { return state(s, "a") == Interrupted && state(s, "b") == Success })
}

// Everything about a prompt is told in the order in which it happened, its end last, and once.
func TestNoticesInOrder(t *testing.T) {
	s := open(t, t.TempDir())
	var mu sync.Mutex
	told := map[string][]string{}
	s.Subscribe(func(n Notice) {
		mu.Lock()
		defer mu.Unlock()
		what := "changed " + string(n.Record.State)
		if n.Changed && n.Record.State == Success { // it was so fast that nobody saw it running: it was taken all the same
			what = "changed running"
		}
		switch {
		case n.Message != nil:
			what = n.Message.Type
		case n.Preview != nil:
			what = "preview " + n.Preview.NodeID + " " + string(n.Preview.Data)
		case n.Ended:
			what = "ended"
		}
		told[n.Record.ID] = append(told[n.Record.ID], what)
	})
	take(t, s.Conn(), "w", &fake{run: func(_ context.Context, r *Record, events *Publisher) (State, *Result) {
		events.Message(message.ExecutionStart{PromptID: r.ID})
		for i := range 20 {
			events.Message(message.Progress{PromptID: r.ID, Value: i, Max: 20})
		}
		events.Preview("7", "jpeg", []byte("picture"))
		last := events.Message(message.ExecutionSuccess{PromptID: r.ID})
		return Success, &Result{Messages: []message.Message{last}}
	}})
	var ids []string
	for i := range 10 {
		ids = append(ids, fmt.Sprint("p", i))
	}
	put(t, s, ids...)
	want := []string{"changed pending", "changed running", "execution_start"}
	want = append(want, slices.Repeat([]string{"progress"}, 20)...)
	want = append(want, "preview 7 picture", "execution_success", "ended")
	eventually(t, "the last end is told", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.Contains(told["p9"], "ended")
	})
	for _, id := range ids {
		if !slices.Equal(told[id], want) {
			t.Errorf("of %s was told\n%v, want\n%v", id, told[id], want)
		}
	}
}

func TestFreeAndNodes(t *testing.T) {
	s := open(t, t.TempDir())
	if _, err := s.Nodes(t.Context()); err == nil || !strings.Contains(err.Error(), "no worker lives") {
		t.Errorf("without a worker: %v", err)
	}
	w := &fake{}
	stop := take(t, s.Conn(), "w", w)
	eventually(t, "the worker is known", func() bool { return len(s.Workers()) == 1 })
	nodes, err := s.Nodes(t.Context())
	if err != nil || nodes["Nothing"] == nil {
		t.Errorf("nodes are %v, %v", nodes, err)
	}
	if err := s.Free(t.Context(), true, false); err != nil {
		t.Fatal(err)
	}
	eventually(t, "memory is freed", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return slices.Equal(w.freed, []string{"true false"})
	})
	stop()
	eventually(t, "the worker has taken its leave", func() bool { return len(s.Workers()) == 0 })
	if nodes, err := s.Nodes(t.Context()); err != nil || nodes["Nothing"] == nil {
		t.Errorf("what was known last is forgotten: %v, %v", nodes, err)
	}
}
