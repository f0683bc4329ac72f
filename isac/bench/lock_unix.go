//go:build unix

package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// lockPatience is how long the processes of a bench that was just killed have to die.
const lockPatience = 3 * time.Second

// Lock keeps others from writing to a folder of results until the file is closed in this process and in all that inherited it:
// no bench starts while a process of the one before is still at work. The folder is made where there is none. Locks of packages such as
// gofrs/flock keep their file to themselves and take the lock from the children too when they are closed.
func Lock(path string) (*os.File, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(path, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(lockPatience); ; time.Sleep(50 * time.Millisecond) {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return file, nil
		case !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR):
			file.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		case time.Now().After(deadline):
			file.Close()
			return nil, fmt.Errorf("another bench is writing to %s: wait for it, stop it, or give another folder", path)
		}
	}
}
