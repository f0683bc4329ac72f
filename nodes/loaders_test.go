package nodes

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLoaderSchemas compares what nodes that load parts of models say of themselves with ComfyUI's entries, but for words.
func TestLoaderSchemas(t *testing.T) {
	compareSchemas(t, filepath.Join("testdata", "loaders", "schemas.json"), nil)
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
