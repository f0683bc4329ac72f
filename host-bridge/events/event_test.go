package events

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/isac-guidance/isac/host-bridge/message"
)

func connections(t *testing.T) (worker, api *nats.Conn) {
	t.Helper()
	s, err := server.NewServer(&server.Options{DontListen: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	connect := func() *nats.Conn {
		nc, err := nats.Connect("", nats.InProcessServer(s))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
	return connect(), connect()
}

// Everything comes in its order, the end last, and the message that tells the outcome with the end alone.
func TestTheStreamOfARun(t *testing.T) {
	worker, api := connections(t)
	log := slog.New(slog.DiscardHandler)
	var mu sync.Mutex
	var heard []string
	_, err := Listen(api, log, func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		what := fmt.Sprintf("%s %s %d ", e.Prompt, e.Worker, e.Attempt)
		switch {
		case e.Message != nil:
			heard = append(heard, what+e.Message.Type)
		case e.Preview != nil:
			heard = append(heard, what+e.Preview.NodeID+" "+e.Preview.Format+" "+string(e.Preview.Data))
		default:
			heard = append(heard, what+string(e.End))
			if err := e.Answer([]byte("heard")); err != nil {
				t.Error(err)
			}
		}
	})
	if err == nil {
		err = api.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for run := range 5 {
		p := NewPublisher(worker, Run{Prompt: fmt.Sprint("p", run), Worker: "w", Attempt: run + 1}, log)
		what := fmt.Sprintf("p%d w %d ", run, run+1)
		for i := range 50 {
			p.Message(message.Progress{Value: i})
			p.Preview("7", "png", []byte(fmt.Sprint(i)))
			want = append(want, what+"progress", what+"7 png "+fmt.Sprint(i))
		}
		if m := p.Message(message.ExecutionSuccess{PromptID: "p"}); m.Type != "execution_success" {
			t.Errorf("the last message is %+v", m)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		answer, err := p.End(ctx, []byte("the end"))
		stop()
		if err != nil || string(answer) != "heard" {
			t.Errorf("the answer is %q, %v", answer, err)
		}
		want = append(want, what+"the end")
		mu.Lock()
		if !slices.Equal(heard, want) {
			t.Errorf("with the answer to the end had come %v", heard)
		}
		mu.Unlock()
	}
}

// What cannot be read is passed over.
func TestWhatIsNoEvent(t *testing.T) {
	worker, api := connections(t)
	heard := make(chan Event, 10)
	if _, err := Listen(api, slog.New(slog.DiscardHandler), func(e Event) { heard <- e }); err != nil {
		t.Fatal(err)
	}
	if err := api.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, attempt := range []string{"", "x", "1"} {
		m := nats.NewMsg(subject + "p")
		m.Header.Set(attemptHeader, attempt)
		if err := worker.PublishMsg(m); err != nil {
			t.Fatal(err)
		}
	}
	NewPublisher(worker, Run{Prompt: "p", Worker: "w", Attempt: 2}, slog.New(slog.DiscardHandler)).Message(message.Progress{})
	select {
	case e := <-heard:
		if e.Attempt != 2 || e.Message == nil {
			t.Errorf("heard %+v", e)
		}
	case <-time.After(time.Minute):
		t.Error("nothing was heard")
	}
}
