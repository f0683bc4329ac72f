package main

import (
	"context"
	"fmt"
	"os"
	"path"
)

// inputFolder is where a run without a server reads the files that nodes name.
type inputFolder string

// Read gives a file of the folder or below; only the kind "input" is there.
func (f inputFolder) Read(_ context.Context, kind, subfolder, name string) ([]byte, error) {
	if kind != "input" {
		return nil, fmt.Errorf("it is asked for among the %s files: expected one of --input", kind)
	}
	root, err := os.OpenRoot(string(f))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	at := path.Join(subfolder, name)
	if info, err := root.Stat(at); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no plain file", at)
	}
	return root.ReadFile(at)
}
