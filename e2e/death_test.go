//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/isac-guidance/isac/plugin/await"
)

// sampling starts the demo and waits until its first sampling is under way.
func sampling(t *testing.T) (*session, int) {
	t.Helper()
	s := start(t, demo, endless...)
	s.samples("10")
	return s, s.plugin()
}

func kill(t *testing.T, pid int, signal syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, signal); err != nil {
		t.Fatal(err)
	}
}

func TestPluginIsKilled(t *testing.T) {
	s, plugin := sampling(t)
	kill(t, plugin, syscall.SIGKILL)
	if status := s.wait(10 * time.Second); status != 1 {
		t.Errorf("status is %d", status)
	}
	for _, want := range []string{`node 10 (KSampler, "plain") failed`, "plugin exited: signal: killed"} {
		if !strings.Contains(s.stderr.String(), want) {
			t.Errorf("the host does not say %q", want)
		}
	}
	if r := readRecord(t, s.out); r.Status != "error" || r.Error == nil || r.Error.Node != "10" {
		t.Errorf("run.json says %+v", r)
	}
	s.expectClean()
}

func TestHostIsKilled(t *testing.T) {
	s, plugin := sampling(t)
	kill(t, s.cmd.Process.Pid, syscall.SIGKILL)
	s.wait(5 * time.Second)
	s.expectGone(plugin, 5*time.Second)
	s.expectClean()
}

func TestHostIsKilledWhileThePluginStarts(t *testing.T) {
	s := start(t, demo, endless...)
	// The folder of the socket comes first.
	await.Until(t, 20*time.Second, "the folder of the socket is made", func() bool { return len(files(t, s.temp)) > 0 })
	time.Sleep(5 * time.Millisecond)
	kill(t, s.cmd.Process.Pid, syscall.SIGKILL)
	s.wait(5 * time.Second)
	// Whether the plugin had come to life or not.
	await.Until(t, 5*time.Second, "all processes of the run end", func() bool { return groupGone(t, s.cmd.Process.Pid) })
	// The folder of the socket may be left when nobody lived to remove it. The next run does, once it is old enough not to
	// belong to a host that is only about to start.
	old := time.Now().Add(-2 * time.Minute)
	for _, name := range files(t, s.temp) {
		if err := os.Chtimes(filepath.Join(s.temp, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	next := startIn(t, s.temp, demo, quick...)
	if status := next.wait(time.Minute); status != 0 {
		t.Errorf("status of the next run is %d", status)
	}
	next.expectClean()
}

// groupGone says whether all processes of a group have ended.
func groupGone(t *testing.T, group int) bool {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		pid, err := strconv.Atoi(strings.Split(path, "/")[2])
		if err != nil || gone(pid) {
			continue
		}
		if id, err := syscall.Getpgid(pid); err == nil && id == group {
			return false
		}
	}
	return true
}

func TestCtrlC(t *testing.T) {
	s, plugin := sampling(t)
	kill(t, -s.cmd.Process.Pid, syscall.SIGINT) // to host and plugin, as a terminal does
	if status := s.wait(10 * time.Second); status != 130 {
		t.Errorf("status is %d", status)
	}
	s.expectGone(plugin, 5*time.Second)
	if !strings.Contains(s.stderr.String(), "isac-host: interrupted") {
		t.Error("the host does not say that it was interrupted")
	}
	if r := readRecord(t, s.out); r.Status != "interrupted" {
		t.Errorf("run.json says %+v", r)
	}
	for _, name := range files(t, s.out) {
		if name != "run.json" {
			t.Errorf("%s was written", name)
		}
	}
	s.expectClean()
}

func TestTerminate(t *testing.T) {
	s, plugin := sampling(t)
	kill(t, s.cmd.Process.Pid, syscall.SIGTERM)
	if status := s.wait(10 * time.Second); status != 130 {
		t.Errorf("status is %d", status)
	}
	s.expectGone(plugin, 5*time.Second)
	s.expectClean()
}

// TestCtrlCTwice: who cannot wait presses again.
func TestCtrlCTwice(t *testing.T) {
	s, plugin := sampling(t)
	kill(t, s.cmd.Process.Pid, syscall.SIGINT)
	kill(t, s.cmd.Process.Pid, syscall.SIGINT)
	if status := s.wait(10 * time.Second); status != 130 {
		t.Errorf("status is %d", status)
	}
	s.expectGone(plugin, 5*time.Second)
	s.expectClean()
}

// TestStopKeepsWhatIsDone: the plain images are whole when the guided sampling after them is stopped.
func TestStopKeepsWhatIsDone(t *testing.T) {
	s := start(t, demo, "--set", "10.steps=2", "--set", "20.steps=1000", "--set", "4.batch_size=2")
	s.samples("20")
	kill(t, s.cmd.Process.Pid, syscall.SIGINT)
	if status := s.wait(15 * time.Second); status != 130 {
		t.Errorf("status is %d", status)
	}
	s.expectClean()
	readPNG(t, filepath.Join(s.out, "plain_00002_.png"))
	if r := readRecord(t, s.out); r.Status != "interrupted" || r.Error.Node != "20" {
		t.Errorf("run.json says %+v", r)
	}
}
