package store

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// small is a file system of a few bytes.
func small(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A full disk refuses what is large, takes a deletion still, loses nothing, and needs no more than room to go on.
func TestAFullDisk(t *testing.T) {
	dir := small(t, "size=8m")
	j := openTest(t, dir)
	large := bytes.Repeat([]byte("x"), 1<<20)
	if err := errors.Join(j.Put("kept", large), j.Put("deleted", []byte("1"))); err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(dir, "ballast")
	fill := bytes.Repeat([]byte("b"), 1<<16)
	file, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = file.Write(fill)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	file.Close()
	for range 3 {
		if err := j.Put("more", bytes.Repeat(large, 2)); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("a large value: %v", err)
		}
	}
	if err := errors.Join(j.Delete("deleted"), j.Put("end", []byte("of a prompt"))); err != nil {
		t.Errorf("what is small: %v", err)
	}
	want := map[string]string{"kept": string(large), "end": "of a prompt"}
	if got, err := killed(t, dir, 0); err != nil || !maps.Equal(got, want) {
		t.Errorf("after a kill it holds %d values, %v", len(got), err)
	}
	if err := errors.Join(os.Remove(ballast), j.Put("more", large)); err != nil {
		t.Errorf("with room: %v", err)
	}
	want["more"] = string(large)
	if got, err := killed(t, dir, 0); err != nil || !maps.Equal(got, want) {
		t.Errorf("at the end it holds %d values, %v", len(got), err)
	}
}
