package graph_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/plugin"
)

// readers are nodes that name files: Read by value or along a link, Word gives the name of one.
var readers = map[string]json.RawMessage{
	"Read": json.RawMessage(`{"input":{"required":{"image":[[],{"image_upload":true,"input_files":"image"}]}},"output":["TEXT"],"output_is_list":[false],"output_node":true}`),
	"Word": json.RawMessage(`{"input":{"required":{"word":["STRING",{}]}},"output":["COMBO"],"output_is_list":[false]}`),
}

// files are those of a host, by kind and path.
type files map[string]string

func (f files) Read(_ context.Context, kind, subfolder, name string) ([]byte, error) {
	data, ok := f[kind+"/"+subfolder+"/"+name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(data), nil
}

// echo runs readers: it remembers what files came with calls.
type echo struct{ got []string }

func (e *echo) Execute(_ context.Context, r plugin.Request, _ func(plugin.Event)) (plugin.Result, error) {
	if r.Class == "Read" {
		e.got = append(e.got, fmt.Sprintf("%s %d %s", r.NodeID, len(r.Files), r.Files["image"]))
	}
	return plugin.Result{Outputs: []plugin.Value{{JSON: r.Inputs[map[string]string{"Read": "image", "Word": "word"}[r.Class]].JSON}}}, nil
}

func (*echo) Release(context.Context, ...string) error { return nil }

// TestFilesOfInputs holds that a node gets the files that its inputs name, by value and along links, that one that changed makes it run again,
// and that one that is not there stops the run with the node's name.
func TestFilesOfInputs(t *testing.T) {
	schemas, err := graph.ParseSchemas(readers)
	if err != nil {
		t.Fatal(err)
	}
	schemas["Read"].Inputs[0].Exists = func(ref graph.FileRef) bool { return ref.Name != "gone.png" }
	validate := func(text string) *graph.Report {
		w, err := graph.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return graph.Validate(w, schemas)
	}
	host := files{"input//cat.png": "cat", "temp/sub/dog.png": "dog", "output//late.png": "late"}
	runner, cache := &echo{}, graph.NewCache()
	run := func(text string) error {
		t.Helper()
		runner.got = nil
		plan, err := validate(text).Plan()
		if err != nil {
			t.Fatal(err)
		}
		_, err = graph.Run(t.Context(), plan, runner, graph.Options{Inputs: host, Cache: cache})
		return err
	}
	const both = `{"1":{"class_type":"Read","inputs":{"image":"cat.png"}},"2":{"class_type":"Read","inputs":{"image":"sub/dog.png [temp]"}}}`
	if err := run(both); err != nil || fmt.Sprint(runner.got) != "[1 1 cat 2 1 dog]" {
		t.Errorf("got %q, %v", runner.got, err)
	}
	if err := run(both); err != nil || len(runner.got) != 0 {
		t.Errorf("files that stayed as they were: %q ran again, %v", runner.got, err)
	}
	host["input//cat.png"] = "another cat"
	if err := run(both); err != nil || fmt.Sprint(runner.got) != "[1 1 another cat]" {
		t.Errorf("a file that changed: %q ran, %v", runner.got, err)
	}
	if err := run(`{"0":{"class_type":"Word","inputs":{"word":"late.png [output]"}},"1":{"class_type":"Read","inputs":{"image":["0",0]}}}`); err != nil || fmt.Sprint(runner.got) != "[1 1 late]" {
		t.Errorf("along a link: %q, %v", runner.got, err)
	}
	delete(host, "input//cat.png")
	var failed *graph.NodeError
	if err := run(both); !errors.As(err, &failed) || failed.Task.Node.ID != "1" || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is gone: %v", err)
	}
	report := validate(`{"1":{"class_type":"Read","inputs":{"image":"gone.png"}}}`)
	if len(report.Nodes) != 1 || report.Nodes[0].Mistakes[0].Type != graph.TypeCustomValidation || report.Nodes[0].Mistakes[0].Details != "image - Invalid image file: gone.png" {
		t.Errorf("a file that was never there: %+v", report.Nodes)
	}
}

func TestFileNames(t *testing.T) {
	for text, want := range map[string]graph.FileRef{
		"cat.png":                   {Kind: "input", Name: "cat.png"},
		"clipspace/mask.png [temp]": {Kind: "temp", Subfolder: "clipspace", Name: "mask.png"},
		`pets\cat.png [input]`:      {Kind: "input", Subfolder: "pets", Name: "cat.png"},
		"a [other].png [output]":    {Kind: "output", Name: "a [other].png"},
	} {
		if got := graph.ParseFileRef(text); got != want {
			t.Errorf("%q is %+v, want %+v", text, got, want)
		}
	}
}
