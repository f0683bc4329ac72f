package graph_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/plugin"
)

// arithmetic is a node set for integers that runs in this process: values are held by handles as the plugin holds models.
type arithmetic struct {
	mu sync.Mutex
	// values by handle; what is released is gone.
	values map[string]int
	made   int
	// most is the largest number of handles that were alive at once.
	most int
	// calls are the nodes that ran, in order.
	calls []string
	// requests by node id.
	requests map[string]plugin.Request
	// waiting is closed when a Wait node has begun to wait.
	waiting chan struct{}
	// releaseError, where set, is what Release returns.
	releaseError error
}

func newArithmetic() *arithmetic {
	return &arithmetic{values: map[string]int{}, requests: map[string]plugin.Request{}, waiting: make(chan struct{})}
}

var arithmeticEntries = map[string]json.RawMessage{
	"Number": json.RawMessage(`{"input":{"required":{"value":["INT",{"default":0,"min":-1000,"max":1000}]}},
		"input_order":{"required":["value"]},"output":["NUMBER"],"output_name":["NUMBER"],"output_node":false}`),
	"Add": json.RawMessage(`{"input":{"required":{"a":["NUMBER"],"b":["NUMBER",{}]}},"input_order":{"required":["a","b"]},
		"output":["NUMBER"],"output_node":false}`),
	"Divide": json.RawMessage(`{"input":{"required":{"a":["NUMBER"],"b":["NUMBER"]}},"output":["NUMBER","NUMBER"],
		"output_name":["quotient","remainder"],"output_node":false}`),
	"Digits": json.RawMessage(`{"input":{"required":{"a":["NUMBER"],"base":["INT,NUMBER",{}]}},"output":["STRING"],"output_node":false}`),
	"Wait":   json.RawMessage(`{"input":{"required":{"a":["NUMBER"]}},"output":["NUMBER"],"output_node":false}`),
	"Show": json.RawMessage(`{"input":{"required":{"value":["*"]},"optional":{"label":["STRING",{"default":""}],
		"copies":["INT",{"default":1,"min":0,"max":5}]},"hidden":{"prompt":"PROMPT"}},
		"input_order":{"required":["value"],"optional":["label","copies"],"hidden":["prompt"]},"output":[],"output_node":true}`),
}

func arithmeticSchemas(t testing.TB) graph.Schemas {
	t.Helper()
	schemas, err := graph.ParseSchemas(arithmeticEntries)
	if err != nil {
		t.Fatal(err)
	}
	return schemas
}

func (a *arithmetic) hold(values ...int) []plugin.Value {
	outputs := make([]plugin.Value, len(values))
	for i, v := range values {
		a.made++
		id := fmt.Sprintf("h%d", a.made)
		a.values[id] = v
		outputs[i] = plugin.Value{Handle: &plugin.Handle{ID: id, Type: "NUMBER"}}
	}
	a.most = max(a.most, len(a.values))
	return outputs
}

// number reads an input that is a handle or a JSON integer.
func (a *arithmetic) number(r plugin.Request, name string) (int, error) {
	v, ok := r.Inputs[name]
	if !ok {
		return 0, fmt.Errorf("no input %q", name)
	}
	if v.Handle != nil {
		n, alive := a.values[v.Handle.ID]
		if !alive {
			return 0, fmt.Errorf("input %q: handle %s is not alive", name, v.Handle.ID)
		}
		return n, nil
	}
	return strconv.Atoi(string(v.JSON))
}

func (a *arithmetic) Execute(ctx context.Context, r plugin.Request, events func(plugin.Event)) (plugin.Result, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, r.NodeID)
	a.requests[r.NodeID] = r
	get := func(name string) int {
		n, err := a.number(r, name)
		if err != nil {
			panic(err) // a fault of the package under test
		}
		return n
	}
	switch r.Class {
	case "Number":
		return plugin.Result{Outputs: a.hold(get("value"))}, nil
	case "Add":
		events(plugin.Event{Progress: &plugin.Progress{Value: 1, Max: 2}})
		events(plugin.Event{Step: json.RawMessage(`{"index":0}`)})
		events(plugin.Event{Preview: &plugin.Preview{Format: "png", Data: []byte("picture")}})
		return plugin.Result{Outputs: a.hold(get("a") + get("b"))}, nil
	case "Divide":
		if get("b") == 0 {
			return plugin.Result{}, &plugin.Error{Kind: plugin.KindInvalidInput, Message: "division by zero", NodeID: r.NodeID, Class: r.Class, Inputs: []string{"b"}}
		}
		return plugin.Result{Outputs: a.hold(get("a")/get("b"), get("a")%get("b"))}, nil
	case "Digits":
		text := strconv.FormatInt(int64(get("a")), get("base"))
		return plugin.Result{Outputs: []plugin.Value{{JSON: json.RawMessage(strconv.Quote(text))}}}, nil
	case "Wait":
		close(a.waiting)
		<-ctx.Done()
		return plugin.Result{}, errors.New("connection broken")
	case "Show":
		return a.show(r)
	}
	return plugin.Result{}, fmt.Errorf("no class %q", r.Class)
}

func (a *arithmetic) show(r plugin.Request) (plugin.Result, error) {
	var text string
	if json.Unmarshal(r.Inputs["value"].JSON, &text) != nil {
		n, err := a.number(r, "value")
		if err != nil {
			return plugin.Result{}, err
		}
		text = strconv.Itoa(n)
	}
	copies := 1
	if _, given := r.Inputs["copies"]; given {
		var err error
		if copies, err = a.number(r, "copies"); err != nil {
			return plugin.Result{}, err
		}
	}
	result := plugin.Result{UI: json.RawMessage(`{"text":[` + strconv.Quote(text) + `]}`)}
	for range copies {
		result.Files = append(result.Files, plugin.File{Name: "show_%03d_.txt", Subfolder: "sums", Type: "output", Data: []byte(text)})
	}
	return result, nil
}

func (a *arithmetic) Release(ctx context.Context, ids ...string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range ids {
		if _, alive := a.values[id]; !alive {
			return fmt.Errorf("handle %s was not alive", id)
		}
		delete(a.values, id)
	}
	return a.releaseError
}

// alive are the handles that nobody released.
func (a *arithmetic) alive() []string { return slices.Sorted(maps.Keys(a.values)) }

func parse(t testing.TB, text string) *graph.Workflow {
	t.Helper()
	w, err := graph.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func planOf(t testing.TB, text string) *graph.Plan {
	t.Helper()
	report := graph.Validate(parse(t, text), arithmeticSchemas(t))
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	plan, err := report.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}
