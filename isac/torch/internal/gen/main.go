// Gen makes the C table, the C++ functions and the Go methods of package torch's operations from ops.txt.
//
//	go run ./internal/gen            (in isac/torch: writes the files)
//	go run ./internal/gen -check     (fails if a file on disk differs)
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	check := flag.Bool("check", false, "compare with the files on disk and write nothing")
	dir := flag.String("dir", ".", "the folder of package torch")
	flag.Parse()
	if err := run(*dir, *check); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(dir string, check bool) error {
	files, err := generate(dir)
	if err != nil {
		return err
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		old, err := os.ReadFile(path)
		if err == nil && bytes.Equal(old, text) {
			continue
		}
		if check {
			return fmt.Errorf("%s does not agree with ops.txt; run `go generate ./isac/torch` and `make shim`", path)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate returns the text of every generated file by its path below dir.
func generate(dir string) (map[string][]byte, error) {
	spec, err := os.ReadFile(filepath.Join(dir, "ops.txt"))
	if err != nil {
		return nil, err
	}
	core, err := os.ReadFile(filepath.Join(dir, "isac_torch.h"))
	if err != nil {
		return nil, err
	}
	ops, err := parse(bytes.NewReader(spec))
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{
		"isac_ops_gen.h":  header(ops, core),
		"isac_call_gen.h": calls(ops),
		"shim/ops_gen.cc": cpp(ops),
	}
	for _, section := range sections(ops) {
		text, err := goFile(section, ops)
		if err != nil {
			return nil, err
		}
		files["ops_"+section+"_gen.go"] = text
	}
	return files, nil
}

func sections(ops []op) []string {
	var names []string
	for _, o := range ops {
		if len(names) == 0 || names[len(names)-1] != o.Section {
			names = append(names, o.Section)
		}
	}
	return names
}
