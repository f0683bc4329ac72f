//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// soak is how many guided runs TestSoak makes: make test-soak.
const soak = "ISAC_SOAK"

// use is what a process holds.
type use struct {
	host, plugin int64 // resident memory, bytes
	files        [2]int
	ledger       int64
}

func (s *server) use() use {
	s.t.Helper()
	resident := func(pid int) int64 {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			s.t.Fatal(err)
		}
		for line := range strings.SplitSeq(string(b), "\n") {
			if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
				kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
				if err != nil {
					s.t.Fatal(err)
				}
				return kb << 10
			}
		}
		s.t.Fatalf("no VmRSS of %d", pid)
		return 0
	}
	descriptors := func(pid int) int {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		if err != nil {
			s.t.Fatal(err)
		}
		return len(entries)
	}
	plugin := s.plugins()[0]
	u := use{host: resident(s.cmd.Process.Pid), plugin: resident(plugin), files: [2]int{descriptors(s.cmd.Process.Pid), descriptors(plugin)}}
	if info, err := os.Stat(filepath.Join(s.data, "ledger")); err == nil {
		u.ledger = info.Size()
	}
	return u
}

// guidedPrompt is prompt with guidance between the loader and the sampler.
func guidedPrompt(seed, steps int) map[string]any {
	p := prompt(seed, steps)
	p["3"] = node("ISACGuidance", map[string]any{"model": []any{"1", 0}, "preset": "typed", "eta": -1, "start": 0, "end": 1, "schedule": "preset"})
	p["5"].(map[string]any)["inputs"].(map[string]any)["model"] = []any{"3", 0}
	return p
}

// TestSoak makes many guided runs in one server: what it and its plugin hold does not grow with their number.
func TestSoak(t *testing.T) {
	count, err := strconv.Atoi(os.Getenv(soak))
	if err != nil {
		t.Skipf("%s is not the number of runs: make test-soak", soak)
	}
	s := serve(t, t.TempDir())
	part := max(1, count/10)
	var warm, last use
	fmt.Printf("%6s %14s %14s %12s %12s %12s\n", "runs", "isac-host", "isac-plugin", "files", "files", "ledger")
	for done := 0; done < count; done += part {
		var ids []string
		for i := range part {
			ids = append(ids, s.put(guidedPrompt(done+i, 2)))
		}
		entries := s.await(patience, ids...)
		for _, id := range ids {
			if e := entries[id]; e.Status.Text != "success" {
				t.Fatalf("prompt %s ended as %+v", id, e.Status)
			}
		}
		last = s.use()
		if done == part {
			warm = last
		}
		fmt.Printf("%6d %10d MiB %10d MiB %12d %12d %8d KiB\n", done+part, last.host>>20, last.plugin>>20, last.files[0], last.files[1], last.ledger>>10)
	}
	if grown := last.plugin - warm.plugin; grown > 64<<20 {
		t.Errorf("the plugin grew by %d MiB", grown>>20)
	}
	if grown := last.host - warm.host; grown > 64<<20 {
		t.Errorf("the host grew by %d MiB", grown>>20)
	}
	for i, who := range []string{"host", "plugin"} {
		if last.files[i] > warm.files[i]+8 {
			t.Errorf("the %s had %d open files and has %d", who, warm.files[i], last.files[i])
		}
	}
	if status := s.stop(syscall.SIGTERM, patience); status != 0 {
		t.Errorf("status %d", status)
	}
}
