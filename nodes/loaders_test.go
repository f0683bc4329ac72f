package nodes

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// TestLoaderSchemas compares what nodes that load parts of models say of themselves with ComfyUI's entries, but for words.
func TestLoaderSchemas(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "loaders", "schemas.json"))
	var entries map[string]map[string]any
	if err == nil {
		err = json.Unmarshal(text, &entries)
	}
	if err != nil {
		t.Fatal(err)
	}
	for class, want := range entries {
		node, ok := Standard().Get(class)
		if !ok {
			t.Errorf("there is no %s", class)
			continue
		}
		raw, err := json.Marshal(node.Info(nil))
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"description", "python_module", "output_tooltips", "limits"} {
			delete(got, key)
		}
		if got, want := withoutTooltips(got), withoutTooltips(want); !reflect.DeepEqual(got, want) {
			g, _ := json.Marshal(got)
			w, _ := json.Marshal(want)
			t.Errorf("%s is\n%s\nwant\n%s", class, g, w)
		}
	}
}

// put copies a file to a place below a folder.
func put(t *testing.T, folder, name, from string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o777)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name), data, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}
