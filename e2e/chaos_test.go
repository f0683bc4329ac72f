//go:build linux

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestChaos is a short form of make chaos: two episodes, one with the queue's own NATS and one with another.
func TestChaos(t *testing.T) {
	program := filepath.Join(t.TempDir(), "chaos")
	if err := build(program, "./e2e/chaos", "CGO_ENABLED=0"); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--episodes", "2", "--steps", "25", "--seed", "4", "--bin", filepath.Dir(host), "--logs", t.TempDir(),
		"--models", filepath.Join(root, "examples", "mini"))
	cmd.Env = append(os.Environ(), "ISAC_TORCH_SHIM="+shim)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
