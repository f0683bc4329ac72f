//go:build unix

package plugin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPrivateDir(t *testing.T) {
	base := t.TempDir()
	old := time.Now().Add(-time.Hour)
	left := filepath.Join(base, "isac-left")
	used := filepath.Join(base, "isac-used")
	young := filepath.Join(base, "isac-young")
	other := filepath.Join(base, "other")
	// Not one of ours, although it has such a name.
	named := filepath.Join(base, "isac-models")
	for _, dir := range []string{left, used, young, other, named} {
		if err := os.MkdirAll(filepath.Join(dir, "socket"), 0o700); err != nil {
			t.Fatal(err)
		}
		if dir != named {
			if err := os.WriteFile(filepath.Join(dir, LockName), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if dir != young {
			if err := os.Chtimes(dir, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	lock, err := LockDir(used)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()

	if len(base) > maxBase {
		sweep(base)
	} else {
		d, err := newPrivateDir(base)
		if err != nil {
			t.Fatal(err)
		}
		defer d.remove()
	}
	for dir, want := range map[string]bool{left: false, used: true, young: true, other: true, named: true} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s: there = %v, expected %v", filepath.Base(dir), err == nil, want)
		}
	}
}

func TestPrivateDirIsRemoved(t *testing.T) {
	d, err := newPrivateDir("")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(d.path); err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("%v, %v; expected a directory for its owner alone", info.Mode(), err)
	}
	if abandoned(d.path) {
		t.Error("a directory in use counts as abandoned")
	}
	for range 2 {
		if err := d.remove(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(d.path); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
}

// A unix socket's path may have about 104 bytes, and TMPDIR may be long.
func TestPrivateDirFitsASocket(t *testing.T) {
	for _, length := range []int{0, 30, maxBase, maxBase + 1, 90} {
		root := t.TempDir()
		base := filepath.Join(root, strings.Repeat("d", max(1, length-len(root)-1)))
		if err := os.Mkdir(base, 0o700); err != nil {
			t.Fatal(err)
		}
		d, err := newPrivateDir(base)
		if err != nil {
			t.Fatal(err)
		}
		defer d.remove()
		// The name itself is shorter by chance.
		longest := filepath.Join(filepath.Dir(d.path), "isac-4294967295", "plugin-dir4294967295", "plugin4294967295")
		if len(longest) > 104 {
			t.Errorf("%s has %d bytes", longest, len(longest))
		}
	}
}
