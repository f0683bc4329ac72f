//go:build unix

package weights

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What is no plain file is refused before it is opened: a pipe without a writer would otherwise be waited for, for ever.
func TestPipesSocketsAndDevicesAreNotOpened(t *testing.T) {
	dir := t.TempDir()
	pipe, socket := filepath.Join(dir, "pipe"), filepath.Join(dir, "socket")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	link := filepath.Join(dir, "link")
	if err := os.Symlink(pipe, link); err != nil {
		t.Fatal(err)
	}
	part := filepath.Join(dir, "part")
	if err := os.Mkdir(part, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(pipe, filepath.Join(part, "model.safetensors")); err != nil {
		t.Fatal(err)
	}
	indexed := filepath.Join(dir, "indexed")
	if err := os.Mkdir(indexed, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(indexed, "model.safetensors.index.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	tokenizer := filepath.Join(dir, "tokenizer")
	if err := os.Mkdir(tokenizer, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(tokenizer, "vocab.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		kind string
		read func() error
	}{
		"weights, pipe":       {"a named pipe", func() error { _, err := Open(pipe); return err }},
		"weights, link to it": {"a named pipe", func() error { _, err := Open(link); return err }},
		"weights, socket":     {"a socket", func() error { _, err := Open(socket); return err }},
		"weights, device":     {"a device", func() error { _, err := Open("/dev/zero"); return err }},
		"weights, folder":     {"a folder", func() error { _, err := Open(dir); return err }},
		"part":                {"a named pipe", func() error { _, _, err := OpenPart(part, "model"); return err }},
		"index":               {"a named pipe", func() error { _, _, err := OpenPart(indexed, "model"); return err }},
		"config, pipe":        {"a named pipe", func() error { _, err := ReadJSON(pipe); return err }},
		"config, device":      {"a device", func() error { _, err := ReadJSON("/dev/zero"); return err }},
		"tokenizer":           {"a named pipe", func() error { _, err := ReadTokenizer(tokenizer); return err }},
	} {
		done := make(chan error, 1)
		go func() { done <- c.read() }()
		select {
		case err := <-done:
			if err == nil || !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), c.kind) {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%s: it hangs", name)
		}
	}
}

func TestLargeTextIsNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, maxText+1); err != nil { // a hole: it takes no room
		t.Fatal(err)
	}
	if _, err := ReadJSON(path); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "67108865 bytes") || !strings.Contains(err.Error(), "at most 67108864") {
		t.Errorf("%v", err)
	}
}
