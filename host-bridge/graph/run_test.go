package graph_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/host-bridge/internal/arithmetic"
	"github.com/isac-guidance/isac/plugin"
)

// division shows 17/5, its remainder in base 2, and the sum 17+5.
const division = `{
	"q":{"class_type":"Show","inputs":{"value":["d",0],"label":"quotient"},"_meta":{"title":"Quotient"}},
	"r":{"class_type":"Show","inputs":{"value":["t",0],"copies":2}},
	"s":{"class_type":"Show","inputs":{"value":["sum",0],"copies":0}},
	"a":{"class_type":"Number","inputs":{"value":"17"}},
	"b":{"class_type":"Number","inputs":{"value":5}},
	"d":{"class_type":"Divide","inputs":{"a":["a",0],"b":["b",0]},"_meta":{"title":"17 by 5"}},
	"t":{"class_type":"Digits","inputs":{"a":["d",1],"base":2}},
	"sum":{"class_type":"Add","inputs":{"a":["a",0],"b":["b",0]}}}`

func openFolder(t *testing.T) (*graph.Folder, string) {
	t.Helper()
	dir := t.TempDir()
	f, err := graph.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, dir
}

func TestRunComputesWritesAndReleases(t *testing.T) {
	runner := arithmetic.New()
	folder, dir := openFolder(t)
	var events []string
	outcome, err := graph.Run(t.Context(), planOf(t, division), runner, graph.Options{
		PromptID: "p1", Files: folder, Workflow: json.RawMessage(`{"nodes":[]}`),
		Observer: func(e graph.Event) {
			switch e := e.(type) {
			case graph.NodeStarted:
				events = append(events, "start "+e.Task.Node.ID)
				if e.Count != 8 || e.Position < 1 || e.Position > 8 {
					t.Errorf("position %d of %d", e.Position, e.Count)
				}
			case graph.NodeProgress:
				events = append(events, "progress")
			case graph.NodePreview:
				events = append(events, "preview "+e.Format)
			case graph.NodeFinished:
				events = append(events, "end "+e.Task.Node.ID)
			case graph.NodeFailed:
				events = append(events, "failed "+e.Task.Node.ID)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `start b, end b, start a, end a, start d, end d, start q, end q, start t, end t, start r, end r, ` +
		`start sum, progress, preview png, end sum, start s, end s`
	if got := strings.Join(events, ", "); got != want {
		t.Errorf("events are\n%s\nwant\n%s", got, want)
	}
	if left := runner.Alive(); len(left) > 0 {
		t.Errorf("handles are left: %v", left)
	}
	for name, text := range map[string]string{"show_001_.txt": "3", "show_002_.txt": "10", "show_003_.txt": "10"} {
		if got, err := os.ReadFile(filepath.Join(dir, "sums", name)); err != nil || string(got) != text {
			t.Errorf("%s holds %q, %v; want %q", name, got, err, text)
		}
	}
	if files := outcome.Files(); len(files) != 3 || files[2].Path != filepath.Join(dir, "sums", "show_003_.txt") {
		t.Errorf("files are %+v", files)
	}
	if id := outcome.Nodes[5].Task.Node.ID; id != "r" {
		t.Fatalf("the sixth node is %s", id)
	}
	r, sum := outcome.Nodes[5], outcome.Nodes[6]
	const ui = `{"images":[{"filename":"show_002_.txt","subfolder":"sums","type":"output"},{"filename":"show_003_.txt","subfolder":"sums","type":"output"}],"text":["10"]}`
	if string(r.UI) != ui {
		t.Errorf("ui is %s", r.UI)
	}
	if len(sum.Steps) != 0 || sum.UI != nil {
		t.Errorf("the sum's result is %+v", sum)
	}
	request := runner.Request("q")
	var metadata struct {
		Prompt   map[string]struct{ Inputs map[string]any }
		Workflow struct{ Nodes []any }
	}
	if err := json.Unmarshal(request.Workflow, &metadata); err != nil || metadata.Prompt["a"].Inputs["value"] != "17" || metadata.Workflow.Nodes == nil {
		t.Errorf("metadata is %s (%v)", request.Workflow, err)
	}
	if request.PromptID != "p1" || request.Class != "Show" || string(request.Inputs["label"].JSON) != `"quotient"` {
		t.Errorf("request is %+v", request)
	}
	if got := string(runner.Request("a").Inputs["value"].JSON); got != "17" {
		t.Errorf("value 17 in quotes was sent as %s", got)
	}
}

// TestHandlesGoAsSoonAsTheyCan: of a chain never more than two numbers are alive, the one that is read and the one that is made.
func TestHandlesGoAsSoonAsTheyCan(t *testing.T) {
	runner := arithmetic.New()
	if _, err := graph.Run(t.Context(), planOf(t, strings.Replace(diamonds(50, false), `"value":0`, `"value":1`, 1)), runner, graph.Options{Files: discard{}}); err != nil {
		t.Fatal(err)
	}
	if runner.Made() != 51 || runner.Most() != 2 || len(runner.Alive()) != 0 {
		t.Errorf("%d handles were made, %d were alive at once, %v are left", runner.Made(), runner.Most(), runner.Alive())
	}
}

// discard is a FileWriter that keeps nothing.
type discard struct{}

func (discard) Write(files []plugin.File) ([]graph.SavedFile, error) {
	return make([]graph.SavedFile, len(files)), nil
}

func TestUnreadOutputsGoAtOnce(t *testing.T) {
	runner := arithmetic.New()
	var alive []int
	_, err := graph.Run(t.Context(), planOf(t, division), runner, graph.Options{Files: discard{}, Observer: func(e graph.Event) {
		if e, ok := e.(graph.NodeStarted); ok && (e.Task.Node.ID == "q" || e.Task.Node.ID == "t") {
			alive = append(alive, len(runner.Alive()))
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{4, 3}; !reflect.DeepEqual(alive, want) {
		t.Errorf("handles alive before q and t: %v, want %v", alive, want)
	}
}

func TestStepsAreReported(t *testing.T) {
	const text = `{"s":{"class_type":"Show","inputs":{"value":["r",0]}},"r":{"class_type":"Root","inputs":{"a":["n",0],"steps":6}},"n":{"class_type":"Number","inputs":{"value":49}}}`
	var heard []json.RawMessage
	outcome, err := graph.Run(t.Context(), planOf(t, text), arithmetic.New(), graph.Options{Files: discard{}, Observer: func(e graph.Event) {
		if e, ok := e.(graph.NodeStep); ok {
			heard = append(heard, e.Report)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := outcome.Nodes[1].Steps; len(got) != 6 || !reflect.DeepEqual(got, heard) {
		t.Errorf("%d steps are in the outcome, %d were heard", len(got), len(heard))
	}
}

func TestEqualNodesRunOnce(t *testing.T) {
	const text = `{
		"s1":{"class_type":"Show","inputs":{"value":["x",0],"copies":1}},
		"s2":{"class_type":"Show","inputs":{"value":["y",0],"copies":1}},
		"x":{"class_type":"Add","inputs":{"a":["one",0],"b":["two",0]},"_meta":{"title":"left"}},
		"y":{"class_type":"Add","inputs":{"b":["zwei",0],"a":["eins",0]},"_meta":{"title":"right"}},
		"one":{"class_type":"Number","inputs":{"value":1}},"eins":{"class_type":"Number","inputs":{"value":1.0}},
		"two":{"class_type":"Number","inputs":{"value":2}},"zwei":{"class_type":"Number","inputs":{"value":"2"}}}`
	runner := arithmetic.New()
	outcome, err := graph.Run(t.Context(), planOf(t, text), runner, graph.Options{Files: discard{}})
	if err != nil {
		t.Fatal(err)
	}
	var same []string
	for _, n := range outcome.Nodes {
		if n.SameAs != "" {
			same = append(same, n.Task.Node.ID+"="+n.SameAs)
		}
	}
	if len(same) != 3 || len(runner.Calls()) != 5 || len(outcome.Nodes) != 8 {
		t.Errorf("shared: %v; ran: %v", same, runner.Calls())
	}
	if left := runner.Alive(); len(left) > 0 {
		t.Errorf("handles are left: %v", left)
	}
	for _, id := range []string{"s1", "s2"} {
		if runner.Request(id).Class == "" {
			t.Errorf("output node %s did not run", id)
		}
	}
}
