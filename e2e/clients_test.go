//go:build linux

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// clients are the npm packages that people use with ComfyUI, unmodified: make test-e2e installs them.
var clients = filepath.Join("host-bridge", "comfyapi", "testdata", "clients")

// client runs one of the scripts there.
func client(t *testing.T, script string, args ...string) []byte {
	t.Helper()
	dir := filepath.Join(root, clients)
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		missing(t, "%v; make test-e2e installs it", err)
	}
	cmd := exec.CommandContext(t.Context(), "node", append([]string{script}, args...)...)
	cmd.Dir = dir
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := err.(*exec.ExitError); ok {
			t.Fatalf("%s: %v\n%s%s", script, err, out, exit.Stderr)
		}
		t.Fatalf("%s: %v", script, err)
	}
	return out
}

// The demo workflow as ComfyUI's clients run it: two samplings of 20 steps, three nodes that save four pictures each.
func TestClientsRunTheDemo(t *testing.T) {
	s := serve(t, t.TempDir())
	workflow := filepath.Join(root, demo)
	t.Run("@saintno/comfyui-sdk", func(t *testing.T) {
		var got struct {
			Steps  int
			Images map[string][]int
		}
		decode(t, client(t, "saintno.mjs", s.url, workflow, "12", "22", "31"), &got)
		if got.Steps < 40 {
			t.Errorf("it heard of %d steps; there are 40", got.Steps)
		}
		for _, node := range []string{"12", "22", "31"} {
			expectPictures(t, got.Images[node], 4)
		}
	})
	t.Run("@stable-canvas/comfyui-client", func(t *testing.T) {
		// Another seed: what is known already makes no progress.
		changed := demoWorkflow(t)
		for _, id := range []string{"10", "20"} {
			changed[id].Inputs["seed"] = 8
		}
		var got struct {
			Steps  int
			Images []int
		}
		decode(t, client(t, "stable-canvas.mjs", s.url, changed.save(t)), &got)
		if got.Steps < 40 {
			t.Errorf("it heard of %d steps; there are 40", got.Steps)
		}
		expectPictures(t, got.Images, 12)
	})
}

func expectPictures(t *testing.T, sizes []int, count int) {
	t.Helper()
	if len(sizes) != count {
		t.Errorf("it got %d pictures, want %d", len(sizes), count)
	}
	for _, size := range sizes {
		if size < 500 {
			t.Errorf("a picture has %d bytes", size)
		}
	}
}
