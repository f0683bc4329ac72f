package plugin

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// dirPattern names the private directories: short, for a unix socket's path may have about 104 bytes.
const dirPattern = "isac-*"

// LockName is the file that marks a private directory, and that is locked while somebody uses it.
const LockName = "isac-plugin.lock"

// maxBase is the longest base directory under which a socket's path still fits: what go-plugin and we append is
// /isac-4294967295/plugin-dir4294967295/plugin4294967295.
const maxBase = 104 - 55

// privateDir is a directory of the socket and of everything temporary of one process. Whoever survives the other removes
// it; where both were killed at once, the next Start under the same base does.
type privateDir struct {
	path string
	mu   sync.Mutex
	lock io.Closer
}

func newPrivateDir(base string) (*privateDir, error) {
	if base == "" {
		base = os.TempDir()
	}
	if len(base) > maxBase {
		if info, err := os.Stat("/tmp"); err == nil && info.IsDir() {
			base = "/tmp"
		}
	}
	sweep(base)
	path, err := os.MkdirTemp(base, dirPattern)
	if err != nil {
		return nil, fmt.Errorf("a directory for the plugin's socket: %w", err)
	}
	d := &privateDir{path: path}
	if err := os.WriteFile(filepath.Join(path, LockName), nil, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("a directory for the plugin's socket: %w", err), d.remove())
	}
	// Without a lock (an exotic file system) the directory works as well, only nobody sweeps it: sweep needs the lock too.
	d.lock, _ = LockDir(path)
	return d, nil
}

// remove takes the directory away; a second call does nothing.
func (d *privateDir) remove() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := os.RemoveAll(d.path)
	if d.lock != nil {
		d.lock.Close()
		d.lock = nil
	}
	return err
}

// sweep removes private directories whose host and process are both gone, which only SIGKILL to both or a crash of the
// machine leaves. A directory younger than a minute may belong to a host that has not locked it yet.
func sweep(base string) {
	found, _ := filepath.Glob(filepath.Join(base, dirPattern))
	for _, path := range found {
		info, err := os.Lstat(path)
		if err != nil || !info.IsDir() || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		if mine(info) && abandoned(path) {
			os.RemoveAll(path)
		}
	}
}
