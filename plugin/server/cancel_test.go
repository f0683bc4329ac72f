package server_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/await"
)

func TestCancelStopsTheNode(t *testing.T) {
	n := inProcess(t)
	m := run(t, n, "Diagonal", ones()).Outputs[0]
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	endless := plugin.Request{PromptID: "p", NodeID: "9", Class: "Eigenvalue", Inputs: map[string]plugin.Value{"matrix": m, "steps": number("1000000000")}}
	var stopped time.Time
	_, err := n.Execute(ctx, endless, func(e plugin.Event) {
		if e.Progress != nil && e.Progress.Value == 3 {
			stopped = time.Now()
			stop()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, expected context.Canceled", err)
	}
	var own *plugin.Error
	if !errors.As(err, &own) || own.Kind != plugin.KindCancelled || own.NodeID != "9" || own.Class != "Eigenvalue" {
		t.Errorf("%#v", err)
	}
	if took := time.Since(stopped); took > time.Second {
		t.Errorf("took %v", took)
	}
	if !await.Within(2*time.Second, func() bool {
		s := stats(t, n)
		return len(s.Running) == 0 && s.Handles["MATRIX"] == 1 && s.Tensors == 1
	}) {
		t.Errorf("still there: %+v", stats(t, n))
	}
}

// A call that waits behind another says so, and can be cancelled while it waits.
func TestQueue(t *testing.T) {
	n := inProcess(t)
	m := run(t, n, "Diagonal", ones()).Outputs[0]
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	started := make(chan struct{})
	wg.Go(func() {
		var once sync.Once
		inputs := map[string]plugin.Value{"matrix": m, "steps": number("1000000000")}
		if _, err := n.Execute(ctx, plugin.Request{NodeID: "first", Class: "Eigenvalue", Inputs: inputs}, func(plugin.Event) { once.Do(func() { close(started) }) }); !errors.Is(err, context.Canceled) {
			t.Errorf("first: %v", err)
		}
	})
	<-started
	late, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	wg.Go(func() {
		if _, err := n.Execute(late, plugin.Request{NodeID: "second", Class: "Diagonal", Inputs: ones()}, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("second: %v", err)
		}
	})
	if !await.Within(5*time.Second, func() bool { return len(stats(t, n).Running) == 2 }) {
		t.Fatalf("%+v, expected two calls", stats(t, n).Running)
	}
	running := stats(t, n).Running
	if running[0].NodeID != "first" || running[0].Waiting || running[1].NodeID != "second" || !running[1].Waiting {
		t.Errorf("%+v, expected the second to wait for the first", running)
	}
	// Released while in use: closed only when the node ends.
	if err := n.Release(t.Context(), m.Handle.ID); err != nil {
		t.Error(err)
	}
	giveUp()
	if !await.Within(2*time.Second, func() bool { return len(stats(t, n).Running) == 1 }) {
		t.Error("a cancelled call still waits")
	}
	stop()
	if !await.Within(2*time.Second, func() bool { s := stats(t, n); return len(s.Running) == 0 && s.Tensors == 0 }) {
		t.Errorf("still there: %+v", stats(t, n))
	}
}
