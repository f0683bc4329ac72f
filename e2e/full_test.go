//go:build linux

package e2e

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestAFullDisk: a prompt that runs while the disk is full ends with an error that says so, one that does not fit is refused with the reason,
// what is deleted meanwhile stays deleted, and once there is room everything goes on without a restart.
func TestAFullDisk(t *testing.T) {
	data := t.TempDir()
	if err := syscall.Mount("tmpfs", data, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(data, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	s := serve(t, data)
	first, second := s.put(prompt(1, 2)), s.put(prompt(2, 2))
	s.await(patience, first, second)
	ballast := filepath.Join(data, "ballast")
	fill(t, ballast)
	var refused struct {
		Error struct{ Message, Details string }
	}
	large := map[string]any{"prompt": prompt(3, 2), "extra_data": map[string]any{"note": strings.Repeat("x", 3<<20)}}
	if status := s.call("POST", "/prompt", large, &refused); status != http.StatusInternalServerError ||
		!strings.Contains(refused.Error.Message+refused.Error.Details, "no space left on device") {
		t.Errorf("a prompt that does not fit: %d %+v", status, refused)
	}
	fill(t, ballast+"2") // what the attempt has left
	meanwhile := s.put(prompt(4, 2))
	e := s.await(patience, meanwhile)[meanwhile]
	if last := e.Status.Messages[len(e.Status.Messages)-1]; string(last[0]) != `"execution_error"` || !strings.Contains(string(last[1]), "no space left on device") {
		t.Errorf("a prompt that ran meanwhile ended with %s %s", last[0], last[1])
	}
	if status := s.call("POST", "/history", map[string]any{"delete": []string{first}}, nil); status != http.StatusOK {
		t.Errorf("a deletion meanwhile: %d", status)
	}
	if err := errors.Join(os.Remove(ballast), os.Remove(ballast+"2")); err != nil {
		t.Fatal(err)
	}
	after := s.put(prompt(5, 2))
	if e := s.await(patience, after)[after]; e.Status.Text != "success" {
		t.Errorf("a prompt after there was room ended as %+v", e.Status)
	}
	s.stop(syscall.SIGKILL, patience)
	s = serve(t, data)
	entries := s.history()
	for id, want := range map[string]bool{first: false, second: true, meanwhile: true, after: true} {
		if _, there := entries[id]; there != want {
			t.Errorf("after a kill prompt %s is in the history: %v, want %v", id, there, want)
		}
	}
}

// fill writes a file until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for block := make([]byte, 1<<12); err == nil; {
		_, err = file.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}
