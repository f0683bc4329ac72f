package graph_test

import (
	"cmp"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/host-bridge/graph"
)

// golden is what ComfyUI's own code says; testdata/comfyui/make_golden.py asks it.
type golden struct {
	ComfyUI   string
	Validated []struct {
		Name     string
		Workflow json.RawMessage
		Targets  []string
		Verdict  struct {
			Type    string
			Outputs []string
			Nodes   map[string]map[string]any `json:"node_errors"`
			// Values are the converted inputs by node, where there are no mistakes.
			Values map[string]map[string]any
		}
	}
	Ordered []struct {
		Workflow json.RawMessage
		Order    []string
	}
}

func readGolden(t *testing.T) (golden, graph.Schemas) {
	t.Helper()
	var g golden
	readJSON(t, "testdata/comfyui/golden.json", &g)
	var classes map[string]json.RawMessage
	readJSON(t, "testdata/comfyui/classes.json", &classes)
	schemas, err := graph.ParseSchemas(classes)
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Validated) == 0 || len(g.Ordered) == 0 {
		t.Fatal("golden.json is empty")
	}
	return g, schemas
}

func readJSON(t *testing.T, path string, to any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if err := d.Decode(to); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func TestValidationIsComfyUIs(t *testing.T) {
	g, schemas := readGolden(t)
	for _, c := range g.Validated {
		t.Run(c.Name, func(t *testing.T) {
			report := graph.Validate(parse(t, string(c.Workflow)), schemas, c.Targets...)
			kind := ""
			if report.Error != nil {
				kind = report.Error.Type
			}
			if kind != c.Verdict.Type {
				t.Errorf("error is %q, want %q", kind, c.Verdict.Type)
			}
			if outputs := slices.Sorted(slices.Values(report.Outputs)); !slices.Equal(outputs, c.Verdict.Outputs) {
				t.Errorf("outputs are %q, want %q", outputs, c.Verdict.Outputs)
			}
			var nodes map[string]map[string]any
			d := json.NewDecoder(strings.NewReader(string(report.NodeErrors())))
			d.UseNumber()
			if err := d.Decode(&nodes); err != nil {
				t.Fatal(err)
			}
			for _, n := range nodes {
				mistakes := n["errors"].([]any)
				slices.SortFunc(mistakes, func(a, b any) int {
					return cmp.Compare(a.(map[string]any)["details"].(string), b.(map[string]any)["details"].(string))
				})
			}
			if !reflect.DeepEqual(plain(nodes), plain(c.Verdict.Nodes)) {
				t.Errorf("node_errors are\n%v, want\n%v", nodes, c.Verdict.Nodes)
			}
			if c.Verdict.Values != nil {
				compareValues(t, report, c.Verdict.Values)
			}
		})
	}
}

// compareValues holds the inputs with which nodes run against ComfyUI's. Those that the class does not know reach no node.
func compareValues(t *testing.T, report *graph.Report, want map[string]map[string]any) {
	t.Helper()
	plan, err := report.Plan()
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range plan.Tasks {
		for name, value := range task.Values {
			if _, ok := value.(graph.Link); ok {
				continue
			}
			if w := want[task.Node.ID][name]; !reflect.DeepEqual(plain(value), plain(w)) {
				t.Errorf("%s.%s is %v, want %v", task.Node.ID, name, value, w)
			}
		}
	}
}

func TestOrderIsComfyUIs(t *testing.T) {
	g, schemas := readGolden(t)
	for i, c := range g.Ordered {
		plan, err := graph.Validate(parse(t, string(c.Workflow)), schemas).Plan()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Fields(order(plan)); !slices.Equal(got, c.Order) {
			t.Errorf("workflow %d: order is %q, want %q\n%s", i, got, c.Order, c.Workflow)
		}
	}
}

// plain makes values comparable: a number counts by its value, not by its notation, as long as a float64 holds it.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if f, err := v.Float64(); err == nil && strings.ContainsAny(string(v), ".eE") {
			if text, err := json.Marshal(f); err == nil {
				return strings.TrimSuffix(string(text), ".0")
			}
		}
		return string(v)
	case map[string]map[string]any:
		out := map[string]any{}
		for k, x := range v {
			out[k] = plain(x)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			out[k] = plain(x)
		}
		return out
	case []any:
		out := []any{}
		for _, x := range v {
			out = append(out, plain(x))
		}
		return out
	}
	return v
}
