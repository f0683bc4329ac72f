//go:build unix

package plugin

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gofrs/flock"
)

// LockDir marks a private directory as in use until the lock is closed or the process ends, however it ends. It fails on a directory
// that is not marked as one.
func LockDir(path string) (io.Closer, error) {
	lock := dirLock(path)
	switch locked, err := lock.TryRLock(); {
	case err != nil:
		return nil, err
	case !locked:
		return nil, fmt.Errorf("lock %s: somebody is removing the directory", lock.Path())
	}
	return lock, nil
}

// abandoned says whether nobody uses a private directory.
func abandoned(path string) bool {
	lock := dirLock(path)
	locked, err := lock.TryLock()
	if err != nil || !locked {
		return false
	}
	return lock.Close() == nil
}

// dirLock is the lock of a private directory. It does not make the file that marks one.
func dirLock(path string) *flock.Flock {
	return flock.New(filepath.Join(path, LockName), flock.SetFlag(os.O_RDONLY))
}

// mine says whether a file belongs to the user of this process.
func mine(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}
