package queue

import (
	"context"
	"testing"
	"time"

	"github.com/isac-guidance/isac/host-bridge/events"
)

// Every question can be asked twice: the answer to the first may be lost.
func TestQuestionsAskedTwice(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, "a", "b")
	first := claim(t, s, "w", "a")
	if again := claim(t, s, "w", "a"); again.Attempt != first.Attempt {
		t.Errorf("claimed again it is attempt %d", again.Attempt)
	}
	claim(t, s, "other", "b")
	for range 2 {
		if ours, err := s.ledger.finish(first.run(), Success, &Result{}); !ours || err != nil {
			t.Errorf("its end: %v, %v", ours, err)
		}
	}
	if ours, err := s.ledger.finish(events.Run{Prompt: "b", Worker: "w", Attempt: 1}, Success, &Result{}); ours || err != nil {
		t.Errorf("the end of another's: %v, %v", ours, err)
	}
	for range 2 {
		if err := s.ledger.putBack("other"); err != nil {
			t.Fatal(err)
		}
	}
	if r := claim(t, s, "w", "b"); r.Attempt != 2 || r.Deaths != 0 {
		t.Errorf("after it was given back: %+v", r)
	}
}

// What a worker gives back that somebody has interrupted is not run again.
func TestInterruptedAndGivenBack(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, "a")
	claim(t, s, "w", "a")
	if err := s.Interrupt(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if err := s.ledger.putBack("w"); err != nil {
		t.Fatal(err)
	}
	if r, _ := s.Record("a"); r.State != Interrupted || len(r.Result.Messages) == 0 {
		t.Errorf("the record is %+v", r)
	}
}

// A worker hears of an interruption by its next sign of life where the message itself was lost.
func TestAnInterruptionThatIsLost(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, "a")
	take(t, s.Conn(), "w", &fake{run: untilStopped})
	eventually(t, "it runs", func() bool { return state(s, "a") == Running })
	if _, err := s.ledger.interrupt("a"); err != nil { // and the worker is not told
		t.Fatal(err)
	}
	eventually(t, "it has ended", func() bool { return state(s, "a") == Interrupted })
}

// A question that nobody knows gets no answer, and does no harm.
func TestAQuestionNobodyKnows(t *testing.T) {
	s, connect := remote(t)
	c := connect()
	var h hello
	if err := c.ask(t.Context(), helloSubject, struct{}{}, &h); err != nil || h.Protocol != protocol {
		t.Errorf("the API server says %+v, %v", h, err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	var a claimAnswer
	if err := c.ask(ctx, "isac.queue.unknown", struct{}{}, &a); err == nil {
		t.Error("a question that nobody knows was answered")
	}
	if len(s.Workers()) != 0 {
		t.Error("a worker is there that never said so")
	}
}
