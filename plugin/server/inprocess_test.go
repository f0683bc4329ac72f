package server_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	goplugin "github.com/hashicorp/go-plugin"

	"github.com/isac-guidance/isac/isac/torch/torchtest"
	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/server"
)

// inProcess connects a client to a server of the small registry through go-plugin, without a process.
func inProcess(t *testing.T) *plugin.Nodes {
	t.Helper()
	torchtest.Require(t)
	s := server.New(server.Options{Registry: registry(), Version: "v1.2.3", Families: []string{"matrices"}})
	client, _ := goplugin.TestPluginGRPCConn(t, false, plugin.Versions(s, s.Guidance())[plugin.ProtocolVersion])
	t.Cleanup(func() {
		// Also stops the server.
		client.Close()
		s.Close()
	})
	dispensed, err := client.Dispense(plugin.NodesName)
	if err != nil {
		t.Fatal(err)
	}
	return dispensed.(*plugin.Nodes)
}

func number(text string) plugin.Value { return plugin.Value{JSON: json.RawMessage(text)} }

// run executes a node that has to succeed.
func run(t *testing.T, n *plugin.Nodes, class string, inputs map[string]plugin.Value) plugin.Result {
	t.Helper()
	result, err := n.Execute(t.Context(), plugin.Request{PromptID: "p", NodeID: "1", Class: class, Inputs: inputs}, nil)
	if err != nil {
		t.Fatalf("%s: %v", class, err)
	}
	return result
}

func stats(t *testing.T, n *plugin.Nodes) plugin.Stats {
	t.Helper()
	s, err := n.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDescribe(t *testing.T) {
	d, err := inProcess(t).Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d.Version != "v1.2.3" || len(d.Protocols) != 1 || d.Protocols[0] != 1 || len(d.Families) != 1 {
		t.Errorf("%+v", d)
	}
	if !d.Torch.Loaded || d.Torch.Version == "" || d.Torch.Library == "" || d.Torch.Threads < 1 {
		t.Errorf("torch: %+v", d.Torch)
	}
	if len(d.Devices) == 0 || d.Devices[0].Name != "cpu" || d.Devices[0].TotalBytes == 0 {
		t.Errorf("devices: %+v", d.Devices)
	}
	var entry struct {
		Input struct {
			Required map[string][]json.RawMessage `json:"required"`
		} `json:"input"`
		Output []string `json:"output"`
	}
	if err := json.Unmarshal(d.Nodes["Eigenvalue"], &entry); err != nil {
		t.Fatal(err)
	}
	if string(entry.Input.Required["matrix"][0]) != `"MATRIX"` || len(entry.Output) != 2 || entry.Output[1] != "MATRIX" {
		t.Errorf("object_info entry: %s", d.Nodes["Eigenvalue"])
	}
}

func TestChain(t *testing.T) {
	n := inProcess(t)
	two := run(t, n, "Diagonal", map[string]plugin.Value{"size": number("8"), "value": number("2")}).Outputs[0]
	three := run(t, n, "Diagonal", map[string]plugin.Value{"size": number("8"), "value": number("3")}).Outputs[0]
	if two.Handle == nil || two.Handle.Type != "MATRIX" || two.Handle.ID == three.Handle.ID {
		t.Fatalf("handles %+v, %+v", two.Handle, three.Handle)
	}
	five := run(t, n, "Add", map[string]plugin.Value{"a": two, "b": three}).Outputs[0]

	var events []plugin.Event
	inputs := map[string]plugin.Value{"matrix": five, "steps": number("4")}
	result, err := n.Execute(t.Context(), plugin.Request{Class: "Eigenvalue", Inputs: inputs, Previews: true}, func(e plugin.Event) { events = append(events, e) })
	if err != nil {
		t.Fatal(err)
	}
	var value float64
	if err := json.Unmarshal(result.Outputs[0].JSON, &value); err != nil || math.Abs(value-5) > 1e-5 {
		t.Errorf("eigenvalue %s, %v; expected 5", result.Outputs[0].JSON, err)
	}
	if len(events) != 3*4 {
		t.Fatalf("%d events, expected progress, step and preview of 4 steps", len(events))
	}
	for step := range 4 {
		progress, report, preview := events[3*step], events[3*step+1], events[3*step+2]
		if progress.Progress == nil || *progress.Progress != (plugin.Progress{Value: step + 1, Max: 4}) {
			t.Errorf("step %d: progress %+v", step, progress.Progress)
		}
		var told struct {
			Index int
			Value float64
		}
		if err := json.Unmarshal(report.Step, &told); err != nil || told.Index != step {
			t.Errorf("step %d: report %s, %v", step, report.Step, err)
		}
		if preview.Preview == nil || preview.Preview.Format != "png" || string(preview.Preview.Data) != "\x89PNG" {
			t.Errorf("step %d: preview %+v", step, preview.Preview)
		}
	}
	if s := stats(t, n); s.Handles["MATRIX"] != 4 || s.PID == 0 || s.ResidentBytes == 0 || len(s.Running) != 0 {
		t.Errorf("stats %+v, expected 4 matrices", s)
	}
	if err := n.Release(t.Context(), two.Handle.ID, two.Handle.ID, "never"); err != nil {
		t.Error(err)
	}
	if s := stats(t, n); s.Handles["MATRIX"] != 3 {
		t.Errorf("%d matrices after the release of one, expected 3", s.Handles["MATRIX"])
	}
	if err := n.Free(t.Context(), true); err != nil {
		t.Error(err)
	}
	if s := stats(t, n); len(s.Handles) != 0 || s.Tensors != 0 {
		t.Errorf("after Free: %+v", s)
	}
}

func TestPlainValues(t *testing.T) {
	n := inProcess(t)
	request := plugin.Request{Class: "Echo", Workflow: json.RawMessage(`{"prompt":{}}`), Inputs: map[string]plugin.Value{
		"text": number(`"zwei Katzen \u0026 ein Hund"`), "seed": number("18446744073709551615"),
	}}
	var events int
	result, err := n.Execute(t.Context(), request, func(plugin.Event) { events++ })
	if err != nil {
		t.Fatal(err)
	}
	var text string
	if err := json.Unmarshal(result.Outputs[0].JSON, &text); err != nil || text != "zwei Katzen & ein Hund" {
		t.Errorf("text %s", result.Outputs[0].JSON)
	}
	if got := string(result.Outputs[1].JSON); got != "18446744073709551615" {
		t.Errorf("the seed came back as %s", got)
	}
	var ui map[string][]string
	if err := json.Unmarshal(result.UI, &ui); err != nil || ui["text"][0] != `{"prompt":{}}` {
		t.Errorf("ui %s, %v", result.UI, err)
	}
	if events != 0 {
		t.Errorf("%d events of a node that has none", events)
	}

	files := run(t, n, "Blob", map[string]plugin.Value{"bytes": number("1000"), "files": number("3")}).Files
	if len(files) != 3 {
		t.Fatalf("%d files, expected 3", len(files))
	}
	for i, f := range files {
		if f.Subfolder != "blobs" || f.Type != "output" || len(f.Data) != 1000 || f.Data[999] != byte(i) || !strings.Contains(f.Name, "blob-") {
			t.Errorf("file %d: %q %q %q, %d bytes", i, f.Subfolder, f.Name, f.Type, len(f.Data))
		}
	}
}

func TestErrorsHaveKinds(t *testing.T) {
	n := inProcess(t)
	m := run(t, n, "Diagonal", ones()).Outputs[0]
	for _, test := range []struct {
		name, class string
		inputs      map[string]plugin.Value
		kind        plugin.Kind
		says        []string
		names       []string
	}{
		{"class", "Nonsense", nil, plugin.KindInvalidInput, []string{`"Nonsense"`, "Diagonal"}, nil},
		{"all mistakes", "Diagonal", map[string]plugin.Value{"size": number("0"), "value": number(`"x"`)}, plugin.KindInvalidInput, []string{"size", "value"}, []string{"size", "value"}},
		{"missing", "Add", map[string]plugin.Value{"a": m}, plugin.KindInvalidInput, []string{`"b" is missing`}, []string{"b"}},
		{"not JSON", "Diagonal", map[string]plugin.Value{"size": number("{"), "value": number("1 2")}, plugin.KindInvalidInput, []string{"not JSON", "more than one"}, []string{"size", "value"}},
		{"empty", "Diagonal", map[string]plugin.Value{"size": {}}, plugin.KindInvalidInput, []string{"empty"}, []string{"size"}},
		{"handle", "Add", map[string]plugin.Value{"a": m, "b": {Handle: &plugin.Handle{ID: "old-1", Type: "MATRIX"}}}, plugin.KindUnknownHandle, []string{"old-1", "run the node"}, []string{"b"}},
		{"type", "Add", map[string]plugin.Value{"a": m, "b": number("3")}, plugin.KindInvalidInput, []string{"MATRIX"}, []string{"b"}},
		{"panic", "Faulty", map[string]plugin.Value{"how": number(`"panic"`)}, plugin.KindInternal, []string{"index out of range [5] with length 0", "stack"}, nil},
		{"shapes", "Faulty", map[string]plugin.Value{"how": number(`"shapes"`)}, plugin.KindInternal, []string{"matmul", "3x4"}, nil},
		{"memory", "Faulty", map[string]plugin.Value{"how": number(`"memory"`)}, plugin.KindOutOfMemory, []string{"memory"}, nil},
		{"file", "Faulty", map[string]plugin.Value{"how": number(`"file"`)}, plugin.KindFailed, []string{"no such file", "model.safetensors"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := n.Execute(t.Context(), plugin.Request{PromptID: "p", NodeID: "7", Class: test.class, Inputs: test.inputs}, nil)
			var own *plugin.Error
			if !errors.As(err, &own) {
				t.Fatalf("%v is a %T", err, err)
			}
			if own.Kind != test.kind || own.NodeID != "7" || own.Class != test.class {
				t.Errorf("%s of node %s (%s), expected %s", own.Kind, own.NodeID, own.Class, test.kind)
			}
			for _, want := range test.says {
				if !strings.Contains(own.Message, want) {
					t.Errorf("%q does not say %q", own.Message, want)
				}
			}
			if strings.Join(own.Inputs, " ") != strings.Join(test.names, " ") {
				t.Errorf("blames %q, expected %q", own.Inputs, test.names)
			}
		})
	}
	if s := stats(t, n); s.Handles["MATRIX"] != 1 || s.Tensors != 1 {
		t.Errorf("failed nodes left %d matrices and %d tensors, expected the one from before", s.Handles["MATRIX"], s.Tensors)
	}
}

// ones are the inputs of the unit matrix [8,8].
func ones() map[string]plugin.Value {
	return map[string]plugin.Value{"size": number("8"), "value": number("1")}
}
