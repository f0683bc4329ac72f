package nodes

import (
	"encoding/json"
	"os"
	"reflect"
	"testing"
)

// compareSchemas compares what nodes say of themselves with ComfyUI's entries in a file, but for words and, if change is given, what
// it takes out of ours.
func compareSchemas(t *testing.T, path string, change func(got map[string]any)) {
	t.Helper()
	text, err := os.ReadFile(path)
	var entries map[string]map[string]any
	if err == nil {
		err = json.Unmarshal(text, &entries)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) == 0 {
		t.Errorf("%s has no entries", path)
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
		if change != nil {
			change(got)
		}
		if got, want := withoutTooltips(got), withoutTooltips(want); !reflect.DeepEqual(got, want) {
			g, _ := json.Marshal(got)
			w, _ := json.Marshal(want)
			t.Errorf("%s is\n%s\nwant\n%s", class, g, w)
		}
	}
}
