package queue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2/maybe"
)

// lockPatience is how long a process that was just told to end has to do so.
const lockPatience = 2 * time.Second

// lockData makes the folder and takes it for this process, until the lock is closed or the process ends, however it ends.
func lockData(data string) (*flock.Flock, error) {
	if err := os.MkdirAll(data, 0o777); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	lock := flock.New(filepath.Join(data, "lock"), flock.SetPermissions(0o666))
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	_, err := lock.TryLockContext(ctx, 50*time.Millisecond)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("the data folder %s belongs to another isac-host that runs: stop it, or give another folder", data)
	case err != nil:
		return nil, fmt.Errorf("lock %s: %w", data, err)
	}
	return lock, nil
}

// dataID names the folder for good: the worker of the process that has it goes by that name.
func dataID(data string) (string, error) {
	path := filepath.Join(data, "id")
	text, err := os.ReadFile(path)
	if id := strings.TrimSpace(string(text)); err == nil && id != "" {
		return id, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("data folder: %w", err)
	}
	id := rand.Text()
	if err := maybe.WriteFile(path, []byte(id+"\n"), 0o666); err != nil {
		return "", fmt.Errorf("data folder: %w", err)
	}
	return id, nil
}
