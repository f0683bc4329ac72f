package graph_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/host-bridge/internal/arithmetic"
)

func TestLists(t *testing.T) {
	tests := []struct {
		name, nodes string
		// texts that "s" shows, and how often the node "x" ran.
		texts []any
		runs  int
	}{
		{"a node runs for each value, a single one is repeated", `
			"x":{"class_type":"Add","inputs":{"a":["c",0],"b":["c",1]}},
			"s":{"class_type":"Show","inputs":{"value":["x",0],"copies":1}}`, []any{"4", "5", "6"}, 3},
		{"of two lists the shorter repeats its last value", `
			"d":{"class_type":"Count","inputs":{"to":2}},
			"x":{"class_type":"Add","inputs":{"a":["c",0],"b":["d",0]}},
			"s":{"class_type":"Show","inputs":{"value":["x",0]}}`, []any{"2", "4", "5"}, 3},
		{"a node that takes lists runs once", `
			"x":{"class_type":"Total","inputs":{"a":["c",0],"weight":2}},
			"s":{"class_type":"Show","inputs":{"value":["x",0]}}`, []any{"12"}, 1},
		{"nothing runs for an empty list", `
			"e":{"class_type":"Count","inputs":{"to":0}},
			"x":{"class_type":"Add","inputs":{"a":["e",0],"b":["c",1]}},
			"s":{"class_type":"Show","inputs":{"value":["x",0]}}`, nil, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			runner, cache := arithmetic.New(), graph.NewCache()
			folder, _ := openFolder(t)
			text := `{"c":{"class_type":"Count","inputs":{"to":3}},` + test.nodes + `}`
			outcome, err := graph.Run(t.Context(), planOf(t, text), runner, graph.Options{Files: folder, Cache: cache})
			if err != nil {
				t.Fatal(err)
			}
			runs := 0
			for _, id := range runner.Calls() {
				if id == "x" {
					runs++
				}
			}
			if runs != test.runs {
				t.Errorf("the node ran %d times, want %d", runs, test.runs)
			}
			var ui struct {
				Text   []any
				Images []graph.SavedFile
			}
			last := outcome.Nodes[len(outcome.Nodes)-1]
			if last.UI != nil {
				if err := json.Unmarshal(last.UI, &ui); err != nil {
					t.Fatal(err)
				}
			}
			if !reflect.DeepEqual(ui.Text, test.texts) || len(ui.Images) != len(test.texts) || len(last.Files) != len(test.texts) {
				t.Errorf("shown are %v in %d files, want %v", ui.Text, len(ui.Images), test.texts)
			}
			if ran, _, _ := cachedRun(t, text, runner, cache); len(ran) != 0 {
				t.Errorf("%v ran again", ran)
			}
			if err := cache.Clear(t.Context(), runner); err != nil {
				t.Error(err)
			}
			if left := runner.Alive(); len(left) != 0 {
				t.Errorf("alive are %v", left)
			}
		})
	}
}
