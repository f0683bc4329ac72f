package graph_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/host-bridge/internal/arithmetic"
	"github.com/isac-guidance/isac/plugin"
)

func TestFailureStopsThePlan(t *testing.T) {
	text := strings.Replace(division, `"value":5`, `"value":0`, 1)
	runner := arithmetic.New()
	folder, dir := openFolder(t)
	var failed graph.NodeFailed
	outcome, err := graph.Run(t.Context(), planOf(t, text), runner, graph.Options{Files: folder, Observer: func(e graph.Event) {
		if e, ok := e.(graph.NodeFailed); ok {
			failed = e
		}
	}})
	var at *graph.NodeError
	if !errors.As(err, &at) || at.Task.Node.ID != "d" {
		t.Fatalf("error is %v", err)
	}
	if want := `node d (Divide, "17 by 5") failed: division by zero`; err.Error() != want {
		t.Errorf("error is %q, want %q", err, want)
	}
	var cause *plugin.Error
	if !errors.As(err, &cause) || !reflect.DeepEqual(cause.Inputs, []string{"b"}) {
		t.Errorf("cause is %#v", cause)
	}
	if failed.Task == nil || failed.Task.Node.ID != "d" || failed.Err == nil {
		t.Errorf("event is %+v", failed)
	}
	if left := runner.Alive(); len(left) > 0 {
		t.Errorf("handles are left: %v", left)
	}
	if len(outcome.Nodes) != 2 { // a and b were done
		t.Errorf("outcome holds %d nodes", len(outcome.Nodes))
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}

func TestCancelStopsANode(t *testing.T) {
	const text = `{"s":{"class_type":"Show","inputs":{"value":["w",0]}},"w":{"class_type":"Wait","inputs":{"a":["n",0]}},"n":{"class_type":"Number","inputs":{"value":1}}}`
	runner := arithmetic.New()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-runner.Waiting
		cancel()
	}()
	start := time.Now()
	_, err := graph.Run(ctx, planOf(t, text), runner, graph.Options{Files: discard{}})
	var at *graph.NodeError
	if !errors.Is(err, context.Canceled) || !errors.As(err, &at) || at.Task.Node.ID != "w" {
		t.Fatalf("error is %v", err)
	}
	if !strings.Contains(err.Error(), "connection broken") {
		t.Errorf("error %q does not say what the plugin said", err)
	}
	if left := runner.Alive(); len(left) > 0 {
		t.Errorf("handles are left: %v", left)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestCancelBetweenNodes(t *testing.T) {
	runner := arithmetic.New()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := graph.Run(ctx, planOf(t, division), runner, graph.Options{Files: discard{}, Observer: func(e graph.Event) {
		if e, ok := e.(graph.NodeFinished); ok && e.Task.Node.ID == "b" {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	if got := strings.Join(runner.Calls(), " "); got != "b" {
		t.Errorf("nodes that ran: %s", got)
	}
	if left := runner.Alive(); len(left) > 0 {
		t.Errorf("handles are left: %v", left)
	}
}

func TestRunErrors(t *testing.T) {
	broken := errors.New("disk is full")
	tests := []struct {
		name    string
		change  func(*arithmetic.Nodes, *graph.Options) graph.Runner
		message string
	}{
		{"no place for files", func(a *arithmetic.Nodes, o *graph.Options) graph.Runner { o.Files = nil; return a }, "not told where to write"},
		{"files cannot be written", func(a *arithmetic.Nodes, o *graph.Options) graph.Runner { o.Files = failing{broken}; return a }, "disk is full"},
		{"handles cannot be released", func(a *arithmetic.Nodes, _ *graph.Options) graph.Runner { a.ReleaseError = broken; return a }, "disk is full"},
		{"too few outputs", func(a *arithmetic.Nodes, _ *graph.Options) graph.Runner {
			return altered{a, func(r *plugin.Result) { r.Outputs = nil }}
		}, "gave 0 outputs; the class has 1"},
		{"ui is no object", func(a *arithmetic.Nodes, _ *graph.Options) graph.Runner {
			return altered{a, func(r *plugin.Result) { r.UI = json.RawMessage(`[1]`) }}
		}, "ui that is no object: [1]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := arithmetic.New()
			options := graph.Options{Files: discard{}}
			runner := test.change(a, &options)
			_, err := graph.Run(t.Context(), planOf(t, division), runner, options)
			if err == nil || !strings.Contains(err.Error(), test.message) {
				t.Errorf("error is %v, want %q", err, test.message)
			}
		})
	}
}

type failing struct{ err error }

func (f failing) Write([]plugin.File) ([]graph.SavedFile, error) { return nil, f.err }

// altered spoils the results of another runner.
type altered struct {
	*arithmetic.Nodes
	spoil func(*plugin.Result)
}

func (a altered) Execute(ctx context.Context, r plugin.Request, events func(plugin.Event)) (plugin.Result, error) {
	result, err := a.Nodes.Execute(ctx, r, events)
	a.spoil(&result)
	return result, err
}
