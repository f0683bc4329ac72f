//go:build linux

package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// What TestMain has built and found; all paths are absolute.
var (
	root   string // of the checkout
	host   string // isac-host
	shim   string
	worker string // isac-plugin
)

func TestMain(m *testing.M) {
	flag.Parse()
	status, err := withPrograms(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		status = 1
	}
	os.Exit(status)
}

func withPrograms(m *testing.M) (int, error) {
	var err error
	if root, err = filepath.Abs(".."); err != nil {
		return 1, err
	}
	if shim = os.Getenv("ISAC_TORCH_SHIM"); shim == "" {
		shim = filepath.Join(root, "build", "lib", "libisactorch.so")
	}
	if _, err := os.Stat(shim); err != nil {
		if os.Getenv("ISAC_REQUIRE_TORCH") != "" {
			return 1, fmt.Errorf("%w; build it with make shim", err)
		}
		fmt.Println("e2e: skipped:", err)
		return 0, nil
	}
	bin, err := os.MkdirTemp("", "isac-bin")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(bin)
	host, worker = filepath.Join(bin, "isac-host"), filepath.Join(bin, "isac-plugin")
	if err := build(host, "./host-bridge/isac-host", "CGO_ENABLED=0"); err != nil {
		return 1, err
	}
	if err := build(worker, "./plugin/isac-plugin", "CGO_ENABLED=1"); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

func build(to, source, env string) error {
	cmd := exec.Command("go", "build", "-o", to, source)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), env)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", source, err, out)
	}
	return nil
}
