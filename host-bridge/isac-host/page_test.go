package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPage(t *testing.T) {
	dir := t.TempDir()
	if _, err := (&serveCommand{Page: dir}).page(); err == nil || !strings.Contains(err.Error(), "expected a folder with an index.html") {
		t.Errorf("an empty folder: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte("<title>"), 0o666); err != nil {
		t.Fatal(err)
	}
	page, err := (&serveCommand{Page: dir}).page()
	if err != nil {
		t.Fatal(err)
	}
	if text, err := fs.ReadFile(page, "index.html"); string(text) != "<title>" {
		t.Errorf("the page is %q, %v", text, err)
	}
}
