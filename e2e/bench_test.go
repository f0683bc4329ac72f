//go:build linux

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/isac-guidance/isac/plugin/await"
)

// benchArgs are a bench of six quick pictures.
func benchArgs(t *testing.T, out string, more ...string) []string {
	t.Helper()
	detectors := filepath.Join("examples", "mini", "detector")
	if _, err := os.Stat(filepath.Join(root, detectors)); err != nil {
		t.Skip("examples/mini/detector is not there; its training makes it")
	}
	return append([]string{
		"bench", "--model", filepath.Join("examples", "mini", "model"), "--detectors", "mini:" + detectors, "--out", out, "--split", "select",
		"--tasks", "multi-instance", "--prompts", "3", "--methods", "none,isac", "--steps", "3", "--threads", "1",
	}, more...)
}

// benchSession is one start of isac-plugin bench.
type benchSession struct {
	cmd   *exec.Cmd
	said  output
	ended chan struct{}
}

func startBench(t *testing.T, args []string, env ...string) *benchSession {
	t.Helper()
	s := &benchSession{cmd: exec.Command(worker, args...), ended: make(chan struct{})}
	s.cmd.Dir = root
	s.cmd.Stdout, s.cmd.Stderr = &s.said, &s.said
	s.cmd.Env = append(append(os.Environ(), "ISAC_TORCH_SHIM="+shim), env...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait() // the state is read from it
		close(s.ended)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		<-s.ended
		if t.Failed() {
			t.Logf("isac-plugin %s\n%s", strings.Join(args, " "), s.said.String())
		}
	})
	return s
}

func (s *benchSession) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-s.ended:
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(2 * time.Minute):
		t.Fatal("isac-plugin bench does not end")
		return 0
	}
}

func (s *benchSession) running() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// children are the processes that a process has started.
func children(t *testing.T, parent int) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, path := range stats {
		var pid int
		if err := json.Unmarshal([]byte(strings.Split(path, "/")[2]), &pid); err != nil {
			t.Fatal(err)
		}
		if p, ok := statOf(pid); ok && p.parent == parent {
			found = append(found, pid)
		}
	}
	return found
}

// records reads the results of a folder, sorted; whole tells whether every line is one.
func records(t *testing.T, out string) (lines []map[string]any, whole bool) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(out, "results-*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	whole = true
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			var r map[string]any
			if err := json.Unmarshal([]byte(line), &r); err != nil || !strings.HasSuffix(line, "\n") {
				whole = false
				continue
			}
			lines = append(lines, r)
		}
	}
	key := func(r map[string]any) string { return asJSON(t, []any{r["task"], r["prompt"], r["seed"], r["method"]}) }
	slices.SortFunc(lines, func(a, b map[string]any) int { return strings.Compare(key(a), key(b)) })
	return lines, whole
}

// untilRecords waits until so many records are written, or the bench has ended.
func (s *benchSession) untilRecords(t *testing.T, out string, want int) {
	t.Helper()
	await.Until(t, patience, fmt.Sprintf("%d records are written", want), func() bool {
		now, _ := records(t, out)
		return len(now) >= want || !s.running()
	})
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// timeless copies the results of a folder without times and memory, which no two runs share, and gives them and the table that
// `bench report` makes of them. It finds no libtorch, and needs none.
func timeless(t *testing.T, out string) (lines, table string) {
	t.Helper()
	all, whole := records(t, out)
	if !whole {
		t.Errorf("a line in %s is cut off", out)
	}
	for _, r := range all {
		r["seconds"], r["peak_bytes"] = 1, 1
		lines += asJSON(t, r) + "\n"
	}
	dir := t.TempDir()
	settings, err := os.ReadFile(filepath.Join(out, "settings.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"settings.json": string(settings), "results-0.jsonl": lines} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if status := startBench(t, []string{"bench", "report", dir}, "ISAC_TORCH_SHIM=/nowhere/libisactorch.so").wait(t); status != 0 {
		t.Fatalf("bench report: status %d", status)
	}
	text, err := os.ReadFile(filepath.Join(dir, "table.md"))
	if err != nil {
		t.Fatal(err)
	}
	return lines, string(text)
}

// TestBench: whatever happens to a bench, its results are the same in the end.
func TestBench(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	s := startBench(t, benchArgs(t, plain))
	if status := s.wait(t); status != 0 {
		t.Fatalf("status is %d: %s", status, s.said.String())
	}
	for _, want := range []string{"6/6 ", " ratio none ", "table.md", "accuracy.png"} {
		if !strings.Contains(s.said.String(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	wantLines, wantTable := timeless(t, plain)
	expectSame := func(t *testing.T, out string) {
		t.Helper()
		lines, table := timeless(t, out)
		if lines != wantLines {
			t.Errorf("the records differ:\n%s\n%s", lines, wantLines)
		}
		if table != wantTable {
			t.Errorf("the tables differ:\n%s\n%s", table, wantTable)
		}
	}

	t.Run("killed", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "killed")
		kills := 0
		for range 4 {
			s := startBench(t, benchArgs(t, out, "--jobs", "2", "--keep-images"))
			before, _ := records(t, out)
			s.untilRecords(t, out, len(before)+1)
			time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
			shards := children(t, s.cmd.Process.Pid)
			if !s.running() {
				break
			}
			kills++
			kill(t, s.cmd.Process.Pid, syscall.SIGKILL)
			<-s.ended
			for _, pid := range shards {
				await.Until(t, 5*time.Second, "the children of the bench end with it", func() bool { return gone(pid) })
			}
		}
		if kills == 0 {
			t.Error("it was never killed")
		}
		if status := startBench(t, benchArgs(t, out, "--jobs", "2", "--keep-images")).wait(t); status != 0 {
			t.Fatalf("status is %d", status)
		}
		expectSame(t, out)
		if pictures := files(t, filepath.Join(out, "images")); len(pictures) < 6 { // a temporary file of a killed process may be left
			t.Errorf("pictures: %q", pictures)
		}
	})

	t.Run("Ctrl-C", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "interrupted")
		s := startBench(t, benchArgs(t, out, "--jobs", "2", "--seeds", "50"))
		s.untilRecords(t, out, 1)
		kill(t, -s.cmd.Process.Pid, syscall.SIGINT)
		if status := s.wait(t); status != 130 {
			t.Errorf("status is %d, want 130", status)
		}
		if !strings.Contains(s.said.String(), "of 300 pictures, which are kept: the same command goes on from there") {
			t.Error("it does not say how to go on")
		}
		if _, whole := records(t, out); !whole {
			t.Error("a line is cut off")
		}
		if status := startBench(t, benchArgs(t, out)).wait(t); status != 0 {
			t.Errorf("going on: status is %d", status)
		}
	})

	t.Run("other settings", func(t *testing.T) {
		s := startBench(t, benchArgs(t, plain, "--steps", "9", "--cfg", "2"))
		if status := s.wait(t); status != 1 {
			t.Errorf("status is %d, want 1", status)
		}
		for _, want := range []string{"steps: 3 there, 9 asked for", "cfg: 7.5 there, 2 asked for"} {
			if !strings.Contains(s.said.String(), want) {
				t.Errorf("it does not say %q", want)
			}
		}
		expectSame(t, plain)
	})

	t.Run("two at once", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "busy")
		first := startBench(t, benchArgs(t, out, "--seeds", "50"))
		first.untilRecords(t, out, 1)
		second := startBench(t, benchArgs(t, out, "--seeds", "50"))
		if status := second.wait(t); status != 1 || !strings.Contains(second.said.String(), "another bench is writing") {
			t.Errorf("status is %d, want 1 and the reason", status)
		}
		kill(t, first.cmd.Process.Pid, syscall.SIGTERM)
		if status := first.wait(t); status != 130 {
			t.Errorf("status after SIGTERM is %d, want 130", status)
		}
	})
}

// TestBenchRefuses: what is wrong with a command line is said before anything is made.
func TestBenchRefuses(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	args := []string{"bench", "--model", "/nowhere/model", "--detectors", "mini:/nowhere/detector", "--out", out, "--split", "report"}
	for _, test := range []struct {
		name   string
		args   []string
		status int
		says   []string
	}{
		{"methods", append(args, "--methods", "some,isac+etta=1"), 1, []string{`"some" is no method`, `"etta"`}},
		{"tasks", append(args, "--tasks", "many,numeracy", "--steps", "0"), 1, []string{`"many"`, "numeracy", "steps is 0"}},
		{"files", args, 1, []string{"/nowhere/model", "/nowhere/detector"}},
		{"no split", args[:len(args)-2], 80, []string{"--split"}},
		{"no folder of results", []string{"bench", "report", t.TempDir()}, 1, []string{"no folder of results"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := startBench(t, test.args)
			if status := s.wait(t); status != test.status {
				t.Errorf("status is %d, want %d", status, test.status)
			}
			for _, want := range test.says {
				if !strings.Contains(s.said.String(), want) {
					t.Errorf("it does not say %q", want)
				}
			}
			if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
				t.Error("the folder was made")
			}
		})
	}
}
