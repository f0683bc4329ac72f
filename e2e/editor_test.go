//go:build linux

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// The editor page in Chromium: the ISAC node is dragged into a workflow, connected and run, and mistakes show at their node.
// ISAC_SHOTS=DIR keeps screenshots.
func TestEditor(t *testing.T) {
	page := filepath.Join(root, "host-bridge", "web")
	for _, needed := range []string{filepath.Join(page, "node_modules"), filepath.Join(page, "dist", "index.html")} {
		if _, err := os.Stat(needed); err != nil {
			missing(t, "%v; make test-e2e makes it", err)
		}
	}
	chromium := os.Getenv("CHROMIUM")
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil && chromium == "" {
			chromium = found
		}
	}
	if chromium == "" {
		missing(t, "there is no chromium; make test-e2e installs it")
	}
	s := serve(t, t.TempDir())
	args := []string{"test/editor.mjs", s.url + "/", filepath.Join(root, "examples", "workflows", "plain.json")}
	if shots := os.Getenv("ISAC_SHOTS"); shots != "" {
		args = append(args, shots)
	}
	cmd := exec.CommandContext(t.Context(), "node", args...)
	cmd.Dir, cmd.WaitDelay = page, time.Second
	cmd.Env = append(os.Environ(), "CHROMIUM="+chromium)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// missing skips a test that lacks something, and fails it where nothing may lack.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
