//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/isac-guidance/isac/plugin/await"
)

// session is one start of isac-host with directories of its own.
type session struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout output
	stderr output
	// out is where files are written, temp where temporary files and sockets go.
	out, temp string
	ended     chan struct{}
}

// demo is the workflow that make demo runs.
var demo = filepath.Join("examples", "workflows", "two-cats-and-a-dog.json")

// quick makes the demo small: one image of four steps.
var quick = []string{"--set", "4.batch_size=1", "--set", "10.steps=4", "--set", "20.steps=4"}

// endless makes the demo's first sampling long enough to be stopped in its middle.
var endless = []string{"--set", "10.steps=1000"}

// start runs a workflow of the checkout, or one by its absolute path.
func start(t *testing.T, workflow string, args ...string) *session {
	t.Helper()
	return startIn(t, tempDir(t), workflow, args...)
}

// tempDir has a short name: that of a unix socket in it must fit into 108 bytes.
func tempDir(t *testing.T) string {
	t.Helper()
	temp, err := os.MkdirTemp("/tmp", "e2e")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(temp); err != nil {
			t.Error(err)
		}
	})
	return temp
}

// startIn is start with a given directory of temporary files.
func startIn(t *testing.T, temp, workflow string, args ...string) *session {
	t.Helper()
	s := prepare(t, temp, workflow, args...)
	s.launch()
	return s
}

// prepare is startIn up to the start.
func prepare(t *testing.T, temp, workflow string, args ...string) *session {
	t.Helper()
	s := &session{t: t, ended: make(chan struct{}), out: filepath.Join(t.TempDir(), "out"), temp: temp}
	s.cmd = exec.Command(host, append([]string{"run", workflow, "--out", s.out}, args...)...)
	s.cmd.Dir = root
	s.cmd.Stdout, s.cmd.Stderr = &s.stdout, &s.stderr
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "ISAC_") && !strings.HasPrefix(pair, "TMPDIR=") {
			s.cmd.Env = append(s.cmd.Env, pair)
		}
	}
	s.cmd.Env = append(s.cmd.Env, "TMPDIR="+temp, "ISAC_TORCH_SHIM="+shim)
	// A group of its own, as a shell makes one: Ctrl-C goes to all of it.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return s
}

func (s *session) launch() {
	t := s.t
	t.Helper()
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait() // the state is read from it
		close(s.ended)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) // mostly nobody is left
		<-s.ended
		if t.Failed() {
			t.Logf("stdout:\n%s\nstderr:\n%s", s.stdout.String(), s.stderr.String())
		}
	})
}

// wait waits for the host's end and gives its exit status; -1 after a signal.
func (s *session) wait(limit time.Duration) int {
	s.t.Helper()
	select {
	case <-s.ended:
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(limit):
		s.t.Fatalf("isac-host did not end within %v", limit)
		return 0
	}
}

// until waits for a text on standard error.
func (s *session) until(text string) {
	s.t.Helper()
	deadline := time.After(60 * time.Second)
	for !strings.Contains(s.stderr.String(), text) {
		select {
		case <-s.ended:
			s.t.Fatalf("isac-host ended before it said %q", text)
		case <-deadline:
			s.t.Fatalf("isac-host did not say %q", text)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// samples waits until a KSampler says how far it is, which it does every two seconds.
func (s *session) samples(node string) {
	s.t.Helper()
	s.until("] " + node + " KSampler")
	await.Until(s.t, time.Minute, "node "+node+" samples", func() bool {
		_, after, _ := strings.Cut(s.stderr.String(), "] "+node+" KSampler")
		return strings.Contains(after, " of ")
	})
}

// plugin is the number of the plugin's process.
func (s *session) plugin() int {
	s.t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if p, ok := statOf(pid); ok && p.parent == s.cmd.Process.Pid && p.name == "isac-plugin" {
			return pid
		}
	}
	s.t.Fatal("isac-host has no isac-plugin")
	return 0
}

type processStat struct {
	name, state string
	parent      int
}

// statOf reads a process's entry; false where there is none.
func statOf(pid int) (processStat, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return processStat{}, false
	}
	// 123 (name) S 1 …, and the name may hold anything.
	open, shut := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	fields := strings.Fields(string(text[shut+1:]))
	parent, err := strconv.Atoi(fields[1])
	return processStat{name: string(text[open+1 : shut]), state: fields[0], parent: parent}, err == nil
}

// gone says whether a process has ended; one that nobody has waited for is.
func gone(pid int) bool {
	p, ok := statOf(pid)
	return !ok || p.state == "Z" || p.state == "X"
}

// expectGone waits for a process's end.
func (s *session) expectGone(pid int, limit time.Duration) {
	s.t.Helper()
	start := time.Now()
	await.Until(s.t, limit, "the plugin ends", func() bool { return gone(pid) })
	s.t.Logf("the plugin was gone after %v", time.Since(start).Round(time.Millisecond))
}

// expectClean checks that no socket and no temporary file stayed, and that what lies in the output folder is whole.
func (s *session) expectClean() {
	s.t.Helper()
	var left []string
	// The plugin's last act may be to remove its folder, a moment after it is seen to be gone.
	if !await.Within(2*time.Second, func() bool { left = files(s.t, s.temp); return len(left) == 0 }) {
		s.t.Errorf("temporary files stayed: %v", left)
	}
	for _, name := range files(s.t, s.out) {
		switch {
		case strings.HasSuffix(name, ".png"):
			readPNG(s.t, filepath.Join(s.out, name))
		case name == "run.json":
			readRecord(s.t, s.out)
		default:
			s.t.Errorf("%s lies in the output folder", name)
		}
	}
}

// files lists what lies in a folder and below, folders too; nothing where it is missing.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	if _, err := os.Stat(dir); err != nil {
		return nil
	}
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if path != dir {
			name, _ := filepath.Rel(dir, path)
			found = append(found, name)
		}
		if os.IsNotExist(err) { // removed meanwhile
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// output is a buffer that can be read while a process writes to it.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
