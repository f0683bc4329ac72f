//go:build unix

package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/await"
)

// tempDir is a directory with a path short enough for a socket. At the end of the test it has to be empty: processes leave
// nothing behind.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "t")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if left := list(dir); len(left) > 0 {
			t.Errorf("left on disk: %v", left)
		}
		os.RemoveAll(dir)
	})
	return dir
}

func list(dir string) []string {
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	return names
}

// start starts this test binary as a plugin.
func start(t testing.TB, change func(*plugin.Config)) *plugin.Client {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	config := plugin.Config{Path: self, Env: []string{roleEnv + "=plugin"}, TempDir: tempDir(t)}
	if change != nil {
		change(&config)
	}
	c, err := plugin.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
		if !gone(c.PID()) {
			t.Errorf("process %d lives after Close", c.PID())
		}
	})
	return c
}

// gone tells whether a process has ended. One that nobody has waited for has ended too.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := bytes.Cut(stat, []byte(") "))
	return bytes.HasPrefix(state, []byte("Z"))
}

// quoted is a text as JSON.
func quoted(text string) json.RawMessage {
	raw, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return raw
}

func TestProcessRunsNodes(t *testing.T) {
	torchtest.Require(t)
	c := start(t, nil)
	d, err := c.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !d.Torch.Loaded || len(d.Nodes) != len(registry().Names()) {
		t.Errorf("%+v", d)
	}
	m := run(t, c.Nodes, "Diagonal", ones()).Outputs[0]
	var steps int
	result, err := c.Execute(t.Context(), plugin.Request{Class: "Eigenvalue", Inputs: map[string]plugin.Value{"matrix": m, "steps": number("5")}}, func(e plugin.Event) {
		if e.Progress != nil {
			steps = e.Progress.Value
		}
	})
	if err != nil || steps != 5 || string(result.Outputs[0].JSON) != "1" {
		t.Errorf("%+v after %d steps, %v", result.Outputs, steps, err)
	}
	if err := c.Ping(t.Context()); err != nil {
		t.Error(err)
	}

	// A panic leaves the process alive, and the log has the stack.
	if _, err := c.Execute(t.Context(), plugin.Request{NodeID: "4", Class: "Faulty", Inputs: map[string]plugin.Value{"how": number(`"panic"`)}}, nil); err == nil || !strings.Contains(err.Error(), "node 4 (Faulty)") {
		t.Errorf("a panic: %v", err)
	}
	// Nor does one outside a node end it.
	value := run(t, c.Nodes, "Brittle", nil).Outputs[0]
	var own *plugin.Error
	if err := c.Release(t.Context(), value.Handle.ID); !errors.As(err, &own) || own.Kind != plugin.KindInternal || !strings.Contains(own.Message, "cannot be closed") {
		t.Errorf("a panic in a release: %v", err)
	}
	if s, err := c.Stats(t.Context()); err != nil || s.PID != c.PID() {
		t.Errorf("%+v, %v after a panic", s, err)
	}
}

func TestBigMessages(t *testing.T) {
	torchtest.Require(t)
	c := start(t, nil)
	text := strings.Repeat("0123456789abcdef", 20<<20/16)
	result := run(t, c.Nodes, "Echo", map[string]plugin.Value{"text": {JSON: quoted(text)}, "seed": number("1")})
	var back string
	if err := json.Unmarshal(result.Outputs[0].JSON, &back); err != nil || back != text {
		t.Errorf("%d bytes came back of %d, %v", len(back), len(text), err)
	}
	files := run(t, c.Nodes, "Blob", map[string]plugin.Value{"bytes": number("20971520"), "files": number("3")}).Files
	if len(files) != 3 || len(files[2].Data) != 20<<20 || !bytes.Equal(files[2].Data, bytes.Repeat([]byte{2}, 20<<20)) {
		t.Errorf("%d files", len(files))
	}
	tooBig := plugin.Request{Class: "Echo", Inputs: map[string]plugin.Value{"text": {JSON: make(json.RawMessage, plugin.MaxMessageBytes)}}}
	var own *plugin.Error
	if _, err := c.Execute(t.Context(), tooBig, nil); !errors.As(err, &own) || own.Kind != plugin.KindInvalidInput || !strings.Contains(own.Message, "256 MiB") {
		t.Errorf("beyond the limit: %v", err)
	}
}

// What C or Go code prints must neither reach the handshake nor stop the process when nobody reads it.
func TestPrintsDoNoHarm(t *testing.T) {
	torchtest.Require(t)
	var stderr syncBuffer
	c := start(t, func(config *plugin.Config) { config.Stderr = &stderr })
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	if _, err := c.Execute(ctx, plugin.Request{Class: "Prints", Inputs: map[string]plugin.Value{"bytes": number("1000000")}}, nil); err != nil {
		t.Fatal(err)
	}
	// Both streams end up in one, whose lines may be cut by each other.
	const want = 2 * (1_000_000 / 100) * 99
	if !await.Within(5*time.Second, func() bool { return strings.Count(stderr.String(), "x") >= want }) {
		t.Errorf("%d characters of %d arrived", strings.Count(stderr.String(), "x"), want)
	}
}

func TestLogReachesTheHost(t *testing.T) {
	torchtest.Require(t)
	var text syncBuffer
	c := start(t, func(config *plugin.Config) {
		config.Logger = hclog.New(&hclog.LoggerOptions{Output: &text, Level: hclog.Debug})
	})
	_, _ = c.Execute(t.Context(), plugin.Request{PromptID: "p7", NodeID: "3", Class: "Faulty", Inputs: map[string]plugin.Value{"how": number(`"panic"`)}}, nil)
	for _, want := range []string{"panic in a call", "index out of range [5] with length 0", "nodes_test.go", "p7"} {
		if !await.Within(5*time.Second, func() bool { return strings.Contains(text.String(), want) }) {
			t.Errorf("the log does not say %q:\n%s", want, text.String())
		}
	}
}

// Without libtorch the process starts, describes itself and says what is missing.
func TestWithoutLibtorch(t *testing.T) {
	c := start(t, func(config *plugin.Config) {
		config.Env = append(config.Env, torch.ShimEnv+"=/nowhere/libisactorch.so")
	})
	d, err := c.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d.Torch.Loaded || !strings.Contains(d.Torch.Error, "/nowhere/libisactorch.so") || len(d.Devices) != 0 || len(d.Nodes) == 0 {
		t.Errorf("torch %+v, devices %v, %d nodes", d.Torch, d.Devices, len(d.Nodes))
	}
	_, err = c.Execute(t.Context(), plugin.Request{NodeID: "1", Class: "Diagonal", Inputs: ones()}, nil)
	var own *plugin.Error
	if !errors.As(err, &own) || own.Kind != plugin.KindUnavailable || !strings.Contains(own.Message, "make shim") {
		t.Errorf("%v, expected what to do", err)
	}
	if err := c.Free(t.Context(), true); err != nil {
		t.Error(err)
	}
}
