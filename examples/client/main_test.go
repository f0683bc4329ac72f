//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
	"github.com/isac-guidance/isac/plugin"
)

// root is the checkout, where the program is meant to be started.
var root = filepath.Join("..", "..")

func TestDocumentHasTheProgram(t *testing.T) {
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile(filepath.Join(root, "docs", "plugin.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(document), "\n```go\n"+string(program)+"```\n") {
		t.Error("docs/plugin.md does not show examples/client/main.go as it is; copy it there")
	}
}

// The program as a reader starts it: built without cgo, against the plugin of this checkout and the mini model.
func TestProgram(t *testing.T) {
	torchtest.Require(t)
	bin := t.TempDir()
	build := func(name, source, cgo string) string {
		path := filepath.Join(bin, name)
		cmd := exec.Command("go", "build", "-o", path, source)
		cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED="+cgo)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go build %s: %v\n%s", source, err, out)
		}
		return path
	}
	isac := build(plugin.BinaryName, "./plugin/isac-plugin", "1")
	client := build("client", "./examples/client", "0")
	run := func(models string) (out, log string, err error) {
		temp, err := os.MkdirTemp("", "t") // short, for a socket's path
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(temp)
		var stdout, stderr strings.Builder
		cmd := exec.CommandContext(t.Context(), client)
		cmd.Dir, cmd.Stdout, cmd.Stderr = models, &stdout, &stderr
		cmd.Env = append(os.Environ(), "ISAC_PLUGIN="+isac, torch.ShimEnv+"="+torch.GetInfo().Library, "TMPDIR="+temp)
		err = cmd.Run()
		if left, _ := filepath.Glob(filepath.Join(temp, "*")); len(left) > 0 {
			t.Errorf("left on disk: %v", left)
		}
		return stdout.String(), stderr.String(), err
	}

	out, log, err := run(root)
	if err != nil || log != "" {
		t.Fatalf("%v: %s", err, log)
	}
	// One process gives all handles, counted from 1; CONDITIONING is the second node's.
	want := regexp.MustCompile(`^MODEL (\S+)-1\nCLIP (\S+)-2\nVAE (\S+)-3\nCONDITIONING (\S+)-4\n$`)
	found := want.FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("it prints %q, expected the four handles of two nodes", out)
	}
	for _, prefix := range found[1:] {
		if prefix != found[1] {
			t.Errorf("handles of different processes: %q", out)
		}
	}

	// Started elsewhere it finds no model, and says which input is wrong.
	out, log, err = run(bin)
	if err == nil || out != "" || !strings.Contains(log, `client: node 1 (CheckpointLoaderSimple): input "ckpt_name"`) {
		t.Errorf("without the model: %v, printed %q and %q", err, out, log)
	}
}
