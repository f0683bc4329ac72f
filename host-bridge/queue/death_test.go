package queue

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isac-guidance/isac/host-bridge/events"
)

// remote lets workers of other processes in.
func remote(t *testing.T) (*Server, func() *Conn) {
	t.Helper()
	s := open(t, t.TempDir(), func(o *Options) { o.Listen = "127.0.0.1:0" })
	return s, func() *Conn {
		c, err := Connect(t.Context(), Remote{URL: s.WorkerURL(), Name: t.Name()}, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
}

func TestAWorkerNeedsTheToken(t *testing.T) {
	s, _ := remote(t)
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
	defer stop()
	_, address, _ := strings.Cut(s.WorkerURL(), "@")
	if _, err := Connect(ctx, Remote{URL: "tls://wrong@" + address}, nil); err == nil || strings.Contains(err.Error(), "wrong") {
		t.Errorf("with a wrong token: %v; want an error that does not show it", err)
	}
}

func TestTwoWorkersShareAndNothingEndsTwice(t *testing.T) {
	s, connect := remote(t)
	var mu sync.Mutex
	ends := map[string]int{}
	s.Subscribe(func(n Notice) {
		if n.Ended {
			mu.Lock()
			defer mu.Unlock()
			ends[n.Record.ID]++
		}
	})
	slow := func(_ context.Context, r *Record, events *Publisher) (State, *Result) {
		time.Sleep(10 * time.Millisecond)
		return done(r, events)
	}
	one, two := &fake{run: slow}, &fake{run: slow}
	take(t, connect(), "one", one)
	take(t, connect(), "two", two)
	for i := range 40 {
		put(t, s, fmt.Sprint("p", i))
	}
	eventually(t, "all 40 have ended", func() bool { return len(s.History()) == 40 })
	if a, b := len(one.order()), len(two.order()); a+b != 40 || a < 5 || b < 5 {
		t.Errorf("one ran %d, the other %d", a, b)
	}
	eventually(t, "each end was told", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(ends) == 40
	})
	for id, count := range ends {
		if count != 1 {
			t.Errorf("the end of %s was told %d times", id, count)
		}
	}
}

// A worker that vanishes in the middle costs its prompt a death; another worker runs it again.
func TestAWorkerVanishes(t *testing.T) {
	s, connect := remote(t)
	c := connect()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	began := make(chan struct{})
	go func() {
		_ = c.Consume(ctx, "gone", &fake{run: func(ctx context.Context, r *Record, _ *Publisher) (State, *Result) {
			close(began)
			<-ctx.Done()
			return Interrupted, &Result{}
		}})
	}()
	put(t, s, "p")
	<-began
	c.nc.Close() // as the end of its process does
	other := &fake{}
	take(t, connect(), "other", other)
	eventually(t, "another worker has run it", func() bool { return state(s, "p") == Success })
	if r, _ := s.Record("p"); r.Worker != "other" || r.Attempt != 2 || r.Deaths != 1 {
		t.Errorf("the record is %+v", r)
	}
}

// A prompt over which workers die again and again ends, and says so.
func TestAPromptThatKillsWorkers(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, "p")
	for i := range maxDeaths {
		r := claim(t, s, fmt.Sprint("w", i), "p")
		for range 2 { // told twice, counted once
			if err := s.ledger.giveUp(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, "it has ended", func() bool { return state(s, "p") == Failed })
	r, _ := s.Record("p")
	last := r.Result.Messages[len(r.Result.Messages)-1]
	if last.Type != "execution_error" || !strings.Contains(string(last.Data), "the worker died 3 times") {
		t.Errorf("it ends with %s %s", last.Type, last.Data)
	}
	if ok, err := s.ledger.finish(events.Run{Prompt: "p", Worker: "w0", Attempt: 1}, Success, &Result{}); ok || err != nil {
		t.Errorf("a worker that was given up could end it: %v %v", ok, err)
	}
}

// The worker of this process is not taken for dead, however late its signs of life come: only another process may have died.
func TestOwnWorkerIsNeverTakenForDead(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, "own", "other")
	claim(t, s, s.LocalWorker(), "own") // neither says that it lives
	claim(t, s, "other", "other")
	eventually(t, "the other worker is taken for dead", func() bool { return state(s, "other") == Pending })
	if got := state(s, "own"); got != Running {
		t.Errorf("the prompt of the own worker is %s", got)
	}
}

func TestAStoppedWorkerGivesItsPromptBack(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, "p")
	stop := take(t, s.Conn(), "one", &fake{run: untilStopped})
	eventually(t, "it runs", func() bool { return state(s, "p") == Running })
	stop()
	eventually(t, "it waits", func() bool { return state(s, "p") == Pending })
	take(t, s.Conn(), "two", &fake{})
	eventually(t, "another has run it", func() bool { return state(s, "p") == Success })
	if r, _ := s.Record("p"); r.Deaths != 0 || r.Worker != "two" {
		t.Errorf("the record is %+v", r)
	}
}

func TestARestartLosesNothing(t *testing.T) {
	data := t.TempDir()
	s := open(t, data)
	put(t, s, "ended")
	stop := take(t, s.Conn(), s.LocalWorker(), &fake{})
	eventually(t, "one has ended", func() bool { return state(s, "ended") == Success })
	stop()
	put(t, s, "running", "waiting")
	// As a process leaves it that is killed: running under the id of its own worker.
	claim(t, s, s.LocalWorker(), "running")
	store, err := s.Values("settings")
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Put(t.Context(), "default/a b/ü.json", []byte("value")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, data)
	if got := [3]State{state(s, "ended"), state(s, "running"), state(s, "waiting")}; got != [3]State{Success, Pending, Pending} {
		t.Errorf("after the restart they are %q", got)
	}
	store, err = s.Values("settings")
	if err != nil {
		t.Fatal(err)
	}
	if value, _, err := store.Get(t.Context(), "default/a b/ü.json"); err != nil || string(value) != "value" {
		t.Errorf("the store has %q, %v", value, err)
	}
	take(t, s.Conn(), s.LocalWorker(), &fake{})
	eventually(t, "all have ended", func() bool { return len(s.History()) == 3 })
}

// Workers of other processes outlast a restart of the one that has the queue: the token stays, and what they ran meanwhile is written.
func TestARestartKeepsItsWorkers(t *testing.T) {
	data, listen := t.TempDir(), "127.0.0.1:0"
	s := open(t, data, func(o *Options) { o.Listen = listen })
	url := s.WorkerURL()
	_, listen, _ = strings.Cut(url, "@")
	listen, _, _ = strings.Cut(listen, "?")
	c, err := Connect(t.Context(), Remote{URL: url, Name: t.Name()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	end := make(chan struct{})
	take(t, c, "w", &fake{run: func(ctx context.Context, r *Record, events *Publisher) (State, *Result) {
		<-end
		if ctx.Err() != nil {
			t.Errorf("%s was stopped: %v", r.ID, context.Cause(ctx))
		}
		return done(r, events)
	}})
	put(t, s, "running", "waiting")
	eventually(t, "one runs", func() bool { return state(s, "running") == Running })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	close(end)
	s = open(t, data, func(o *Options) { o.Listen = listen })
	if s.WorkerURL() != url {
		t.Errorf("the URL was %s and is %s", url, s.WorkerURL())
	}
	eventually(t, "both have ended", func() bool { return len(s.History()) == 2 })
	for _, r := range s.History() {
		if r.State != Success || r.Attempt != 1 {
			t.Errorf("%s ended as %s at attempt %d", r.ID, r.State, r.Attempt)
		}
	}
	if info, err := os.Stat(filepath.Join(data, "nats.token")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the token's file: %v, %v", info, err)
	}
}

func TestOneFolderBelongsToOneProcess(t *testing.T) {
	data := t.TempDir()
	open(t, data)
	if _, err := Open(t.Context(), Options{Data: data}); err == nil || !strings.Contains(err.Error(), "another isac-host") {
		t.Errorf("a second one: %v", err)
	}
}
