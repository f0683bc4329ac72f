package graph_test

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/host-bridge/internal/arithmetic"
)

var fuzzSeeds = []string{
	`{}`, `null`, `[]`, `{"nodes":[],"links":[]}`, `{"prompt":{}}`, "\xef\xbb\xbf{}", `{"1":{}}`, `{"1":{"inputs":{},"inputs":{}}}`,
	`{"1":{"class_type":"Show","inputs":{"value":["1",0]}}}`,
	`{"1":{"class_type":"Number","inputs":{"value":1e999}},"2":{"class_type":"Show","inputs":{"value":["1",0]}}}`,
	`{"1":{"class_type":"Save","inputs":{"images":["2",0]}},"2":{"class_type":"Through","inputs":{"any":["2",0]}}}`,
	`{"1":{"class_type":"Save","inputs":{"images":["2",1.0]}},"2":{"class_type":"Sampler","inputs":{"model":["",-1],"seed":"٣","cfg":"1_0","sampler":{"__value__":[]}}}}`,
	`{"1":{"_meta":{"title":["x"]},"inputs":{"\u0000":{"a":[{}]}}}}`,
	division, sampling(), diamonds(3, true), diamonds(4, false), sampling(`many={"__value__":[1,[2],null]}`, `seed=-0`, `cfg=1E+2`),
}

// FuzzParse: whatever is read is written again as the same workflow, and every error has a type and a sentence.
func FuzzParse(f *testing.F) {
	for _, seed := range fuzzSeeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		w, err := graph.Parse(text)
		if err != nil {
			var failed *graph.ParseError
			if !errors.As(err, &failed) || failed.Type == "" || failed.Message == "" || failed.Line < 0 || (failed.Line == 0) != (failed.Column == 0) {
				t.Fatalf("error is %#v", err)
			}
			return
		}
		first, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		again, err := graph.Parse(first)
		if err != nil {
			t.Fatalf("%v in what was written: %s", err, first)
		}
		second, err := json.Marshal(again)
		if err != nil || string(first) != string(second) {
			t.Fatalf("first  %s\nsecond %s (%v)", first, second, err)
		}
		for i, n := range w.Nodes {
			if found, ok := w.Node(n.ID); !ok || found != n || again.Nodes[i].ID != n.ID {
				t.Fatalf("node %q is not found", n.ID)
			}
		}
	})
}

// FuzzValidate: a report either names a mistake or gives a plan in which every node comes after what it needs; node_errors can
// be written; and what is planned runs without a fault of this package and leaves no handle.
func FuzzValidate(f *testing.F) {
	for _, seed := range fuzzSeeds {
		f.Add([]byte(seed))
	}
	schemas := samplingSchemas(f)
	maps.Copy(schemas, arithmeticSchemas(f))
	f.Fuzz(func(t *testing.T, text []byte) {
		w, err := graph.Parse(text)
		if err != nil {
			return
		}
		before, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		report := graph.Validate(w, schemas)
		if after, _ := json.Marshal(w); string(before) != string(after) {
			t.Fatalf("the workflow was changed to %s", after)
		}
		if !json.Valid(report.NodeErrors()) {
			t.Fatal("node_errors is no JSON")
		}
		if report.Clean() != (len(report.Lines()) == 0) || report.Clean() != (report.Err() == nil) {
			t.Fatalf("clean is %v, and the mistakes are %q", report.Clean(), report.Lines())
		}
		if (report.Error == nil) != (len(report.Outputs) > 0) {
			t.Fatalf("error is %+v, outputs are %v", report.Error, report.Outputs)
		}
		for _, line := range report.Lines() {
			if strings.TrimSpace(line) == "" {
				t.Fatal("a mistake says nothing")
			}
		}
		plan, err := report.Plan()
		if err != nil {
			if len(report.Outputs) > 0 {
				t.Fatal(err)
			}
			return
		}
		done := map[string]bool{}
		runs := true
		for _, task := range plan.Tasks {
			for _, v := range task.Values {
				if link, ok := v.(graph.Link); ok && !done[link.Node] {
					t.Fatalf("node %q comes before node %q, which it needs", task.Node.ID, link.Node)
				}
			}
			done[task.Node.ID] = true
			runs = runs && arithmetic.Entries[task.Node.Class] != nil && task.Node.Class != "Wait" && task.Node.Class != "Digits"
		}
		if !runs {
			return
		}
		runner := arithmetic.New()
		_, err = graph.Run(t.Context(), plan, runner, graph.Options{Files: discard{}})
		var failed *graph.NodeError
		if err != nil && !errors.As(err, &failed) {
			t.Fatal(err)
		}
		if left := runner.Alive(); len(left) > 0 {
			t.Fatalf("handles are left: %v", left)
		}
	})
}
