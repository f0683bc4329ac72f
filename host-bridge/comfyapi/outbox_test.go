package comfyapi

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

func newLogger(logs *Logs) *slog.Logger { return slog.New(logs.Handler(slog.DiscardHandler)) }

func someFrame(c class, key string, bytes int) *frame {
	return &frame{class: c, key: key, bytes: bytes}
}

func keysOf(o *outbox) string {
	var keys []string
	for {
		f, _ := o.take()
		if f == nil {
			return strings.Join(keys, " ")
		}
		keys = append(keys, f.key)
	}
}

// TestOutbox: a socket that keeps up misses nothing; one that is behind misses only what newer frames replace.
func TestOutbox(t *testing.T) {
	dropped := 0
	box := func() *outbox { return newOutbox(200, 10_000, func() { dropped++ }) }
	o := box()
	for range 3 {
		o.push(someFrame(latest, "progress", 1))
	}
	if got := keysOf(o); got != "progress progress progress" {
		t.Errorf("a socket that keeps up got %s", got)
	}
	o = box()
	for i := range behind {
		o.push(someFrame(needed, fmt.Sprint(i), 1))
	}
	for range 50 {
		o.push(someFrame(latest, "status", 1))
		o.push(someFrame(latest, "progress", 1))
	}
	for i := range 50 {
		o.push(someFrame(report, "step", 1))
		o.push(someFrame(needed, fmt.Sprint("n", i), 1))
	}
	keys := strings.Fields(keysOf(o))
	count := func(key string) (n int) {
		for _, k := range keys {
			if k == key {
				n++
			}
		}
		return n
	}
	if count("status") != 1 || count("progress") != 1 || count("step") != reports || !slices.Contains(keys, "63") || !slices.Contains(keys, "n49") {
		t.Errorf("a socket that is behind got %v", keys)
	}
	if o.bytes != 0 {
		t.Errorf("%d bytes are counted in an outbox with nothing in it", o.bytes)
	}
	// Of a node's previews the newest counts; too large ones are left out; needed frames never are.
	o = box()
	o.push(someFrame(preview, "a", 100))
	o.push(someFrame(preview, "b", 100))
	o.push(someFrame(preview, "a", 200))
	if !o.push(someFrame(preview, "c", 9_900)) || dropped != 2 {
		t.Errorf("%d previews were dropped, want 2", dropped)
	}
	if o.push(someFrame(needed, "d", 9_900)) {
		t.Error("what has no room and is needed has to close the socket")
	}
	o = box()
	for i := range 200 {
		if !o.push(someFrame(needed, fmt.Sprint(i), 1)) {
			t.Fatalf("frame %d closes the socket", i)
		}
	}
	if o.push(someFrame(needed, "one more", 1)) {
		t.Error("a frame beyond the limit does not close the socket")
	}
	o = box()
	o.push(someFrame(needed, "a", 1))
	o.finish()
	o.push(someFrame(needed, "b", 1))
	if got := keysOf(o); got != "a" {
		t.Errorf("after finish: %s", got)
	}
	if _, done := o.take(); !done {
		t.Error("the last frame was taken and the outbox is not done")
	}
}
