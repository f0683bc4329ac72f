package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/host-bridge/graph"
)

func order(plan *graph.Plan) string {
	var ids []string
	for _, t := range plan.Tasks {
		ids = append(ids, t.Node.ID)
	}
	return strings.Join(ids, " ")
}

func TestOrder(t *testing.T) {
	tests := []struct{ name, workflow, want string }{
		{"one output",
			`{"s":{"class_type":"Show","inputs":{"value":["a",0]}},"a":{"class_type":"Number","inputs":{"value":1}}}`, "a s"},
		{"what no output needs is left out",
			`{"x":{"class_type":"Number","inputs":{"value":2}},"s":{"class_type":"Show","inputs":{"value":["a",0]}},"a":{"class_type":"Number","inputs":{"value":1}}}`, "a s"},
		{"an output as soon as it can",
			`{"s1":{"class_type":"Show","inputs":{"value":["c",0]}},"s2":{"class_type":"Show","inputs":{"value":["a",0]}},
			  "a":{"class_type":"Number","inputs":{"value":1}},"b":{"class_type":"Number","inputs":{"value":2}},
			  "c":{"class_type":"Add","inputs":{"a":["a",0],"b":["b",0]}}}`, "a s2 b c s1"},
		{"what feeds an output before what is farther",
			`{"s1":{"class_type":"Show","inputs":{"value":["d",0]}},"d":{"class_type":"Add","inputs":{"a":["c",0],"b":["c",0]}},
			  "c":{"class_type":"Add","inputs":{"a":["b",0],"b":["b",0]}},"b":{"class_type":"Number","inputs":{"value":1}},
			  "s2":{"class_type":"Show","inputs":{"value":["a",0]}},"a":{"class_type":"Number","inputs":{"value":2}}}`, "a s2 b c d s1"},
		{"otherwise along the inputs, the last one first",
			`{"s":{"class_type":"Show","inputs":{"value":["e",0]}},"e":{"class_type":"Add","inputs":{"b":["d",0],"a":["c",0]}},
			  "c":{"class_type":"Add","inputs":{"a":["n3",0],"b":["n1",0]}},"d":{"class_type":"Add","inputs":{"a":["n2",0],"b":["n1",0]}},
			  "n1":{"class_type":"Number","inputs":{"value":1}},"n2":{"class_type":"Number","inputs":{"value":2}},"n3":{"class_type":"Number","inputs":{"value":3}}}`,
			"n1 n3 c n2 d e s"},
		{"outputs in the order of the workflow",
			`{"z":{"class_type":"Show","inputs":{"value":1}},"a":{"class_type":"Show","inputs":{"value":2}},"m":{"class_type":"Show","inputs":{"value":3}}}`, "z a m"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for range 20 { // maps in Go come in another order each time
				if got := order(planOf(t, test.workflow)); got != test.want {
					t.Fatalf("order is %q, want %q", got, test.want)
				}
			}
		})
	}
}

// diamonds is a chain of Add nodes, each of which reads the one before twice: as many paths as 2 to the power of its length.
func diamonds(length int, close bool) string {
	var b strings.Builder
	b.WriteString(`{"s":{"class_type":"Show","inputs":{"value":["` + fmt.Sprint(length) + `",0]}},`)
	for i := length; i > 0; i-- {
		fmt.Fprintf(&b, `"%d":{"class_type":"Add","inputs":{"a":["%d",0],"b":["%d",0]}},`, i, i-1, i-1)
	}
	if close {
		fmt.Fprintf(&b, `"0":{"class_type":"Add","inputs":{"a":["%d",0],"b":["%d",0]}}}`, length, length)
	} else {
		b.WriteString(`"0":{"class_type":"Number","inputs":{"value":0}}}`)
	}
	return b.String()
}

func TestDiamondsTakeLinearTime(t *testing.T) {
	const length = 9000
	plan := planOf(t, diamonds(length, false))
	if len(plan.Tasks) != length+2 {
		t.Fatalf("%d tasks", len(plan.Tasks))
	}
	done := map[string]bool{}
	for _, task := range plan.Tasks {
		for _, v := range task.Values {
			if link, ok := v.(graph.Link); ok && !done[link.Node] {
				t.Fatalf("node %s runs before node %s, which it needs", task.Node.ID, link.Node)
			}
		}
		done[task.Node.ID] = true
	}
}

func TestALargeCycleIsNamed(t *testing.T) {
	const length = 9000
	report := graph.Validate(parse(t, diamonds(length, true)), arithmeticSchemas(t))
	if len(report.Nodes) != length+1 || len(report.Outputs) != 0 {
		t.Fatalf("%d nodes have mistakes, outputs are %v", len(report.Nodes), report.Outputs)
	}
	if types := slices.Compact(slices.Collect(func(yield func(string) bool) {
		for _, n := range report.Nodes {
			for _, m := range n.Mistakes {
				if !yield(m.Type) {
					return
				}
			}
		}
	})); !slices.Equal(types, []string{graph.TypeDependencyCycle}) {
		t.Errorf("types are %v", types)
	}
}

func TestAHalfReadReportHasNoPlan(t *testing.T) {
	if _, err := new(graph.Report).Plan(); err == nil {
		t.Error("an empty report gave a plan")
	}
}
