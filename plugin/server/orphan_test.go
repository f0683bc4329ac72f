//go:build unix

package server_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/isac-guidance/isac/plugin/await"
)

// The time that a plugin has to notice that its host is gone.
const orphanLimit = 5 * time.Second

// startHost starts a host in a process group of its own, and returns it with the process number of its plugin.
func startHost(t *testing.T, dir, role string, args ...string) (*exec.Cmd, int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if len(args) == 0 {
		args = []string{self}
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), roleEnv+"="+role, "TMPDIR="+dir)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	var pid, child int
	if _, scanned := fmt.Sscan(line, &pid, &child); err != nil || scanned != nil {
		t.Fatalf("the host said %q, %v", line, err)
	}
	// Some work has begun, or is about to.
	time.Sleep(200 * time.Millisecond)
	if gone(pid) {
		t.Fatal("the plugin ended before its host")
	}
	return cmd, pid
}

func TestPluginEndsWithItsHost(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	wrapper := filepath.Join(t.TempDir(), "wrapper")
	// Not exec: the shell stays between host and plugin, and survives the host.
	if err := os.WriteFile(wrapper, []byte("#!/bin/sh\n'"+self+"' \"$@\"\necho >/dev/null\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, role string
		args       []string
		signal     syscall.Signal
		group      bool
	}{
		{name: "killed", role: "host", signal: syscall.SIGKILL},
		{name: "killed, wrapper between", role: "host", args: []string{wrapper}, signal: syscall.SIGKILL},
		{name: "killed, knows no lifeline", role: "foreign-host", signal: syscall.SIGKILL},
		{name: "Ctrl-C, host dies of it", role: "host", signal: syscall.SIGINT, group: true},
		{name: "Ctrl-C, host closes", role: "host", args: []string{self, "tidy"}, signal: syscall.SIGINT, group: true},
		{name: "terminated as a group", role: "host", signal: syscall.SIGTERM, group: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := tempDir(t)
			host, pid := startHost(t, dir, test.role, test.args...)
			if len(list(dir)) == 0 {
				t.Error("no private directory")
			}
			target := host.Process.Pid
			if test.group {
				target = -target
			}
			if err := syscall.Kill(target, test.signal); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			_ = host.Wait()
			if !await.Within(orphanLimit-time.Since(began), func() bool { return gone(pid) }) {
				_ = syscall.Kill(pid, syscall.SIGKILL)
				t.Fatalf("the plugin lives %v after its host", orphanLimit)
			}
			t.Logf("gone after %v", time.Since(began).Round(time.Millisecond))
			if left := list(dir); len(left) > 0 {
				t.Errorf("left on disk: %v", left)
			}
		})
	}
}
