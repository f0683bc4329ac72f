package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/host-bridge/internal/arithmetic/served"
	"github.com/isac-guidance/isac/host-bridge/message"
	"github.com/isac-guidance/isac/host-bridge/queue"
	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/await"
)

// TestMain makes the test's own executable a plugin when a worker starts it as one.
func TestMain(m *testing.M) {
	served.Main()
	os.Exit(m.Run())
}

// self is a plugin of arithmetic nodes: a real process over the real connection.
func self(t *testing.T, env ...string) plugin.Config {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return plugin.Config{Path: path, Env: env, StartTimeout: time.Minute}
}

// working is a queue with a worker that takes from it.
type working struct {
	*queue.Server
	worker *Worker
	t      *testing.T
	count  int
}

// work starts a queue and a worker with these plugins; both end with the test.
func work(t *testing.T, plugins ...plugin.Config) *working {
	t.Helper()
	s, err := queue.Open(t.Context(), queue.Options{Data: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	w, err := New(t.Context(), Config{Plugins: plugins, Version: "test", Patience: time.Second})
	if err != nil {
		_ = s.Close()
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := s.Conn().Consume(ctx, "w", w); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		stop()
		<-ended
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if err := w.Close(); err != nil {
			t.Errorf("a second Close: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &working{Server: s, worker: w, t: t}
}

// put puts a prompt of these nodes on the queue.
func (w *working) put(nodes string, outputs ...string) string {
	w.t.Helper()
	w.count++
	id := fmt.Sprint("p", w.count)
	p := queue.Prompt{ID: id, Number: w.NextNumber(), Workflow: json.RawMessage(nodes), Outputs: outputs}
	if err := w.Put(w.t.Context(), p); err != nil {
		w.t.Fatal(err)
	}
	return id
}

// await waits for the end of a prompt.
func (w *working) await(id string) *queue.Record {
	w.t.Helper()
	var r *queue.Record
	eventually(w.t, "prompt "+id+" has ended", func() bool {
		r, _ = w.Record(id)
		return r != nil && r.State.Ended()
	})
	return r
}

// run puts a prompt and waits for its end.
func (w *working) run(nodes string, outputs ...string) *queue.Record {
	w.t.Helper()
	return w.await(w.put(nodes, outputs...))
}

// process is the running plugin.
func (w *working) process() *plugin.Client {
	w.t.Helper()
	var live client
	eventually(w.t, "the plugin runs", func() bool {
		live = w.worker.pool.members[0].now()
		return live != nil
	})
	return live.(*plugin.Client)
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	await.Until(t, 2*time.Minute, what, holds)
}

// failure is the execution_error of a prompt that failed.
func failure(t *testing.T, r *queue.Record) message.ExecutionError {
	t.Helper()
	if r.State != queue.Failed {
		t.Fatalf("the prompt ended as %s", r.State)
	}
	last := r.Result.Messages[len(r.Result.Messages)-1]
	var e message.ExecutionError
	if last.Type != "execution_error" || json.Unmarshal(last.Data, &e) != nil {
		t.Fatalf("the last message is %s %s", last.Type, last.Data)
	}
	return e
}

// cached are the nodes that came from the cache.
func cached(t *testing.T, r *queue.Record) []string {
	t.Helper()
	var data message.ExecutionCached
	if m := r.Result.Messages[1]; m.Type != "execution_cached" || json.Unmarshal(m.Data, &data) != nil {
		t.Fatalf("the second message is %s", m.Type)
	}
	return data.Nodes
}

var _ graph.Runner = (*pool)(nil)
