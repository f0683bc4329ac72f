package queue

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// lockPatience is how long a process that was just told to end has to do so.
const lockPatience = 2 * time.Second

// errLocked is what lockFile returns where another process has the lock.
var errLocked = errors.New("locked")

// lockData makes the folder and takes it for this process, until the file is closed or the process ends, however it ends.
func lockData(data string) (*os.File, error) {
	if err := os.MkdirAll(data, 0o777); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(data, "lock"), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	for deadline := time.Now().Add(lockPatience); ; time.Sleep(50 * time.Millisecond) {
		err := lockFile(file)
		switch {
		case err == nil:
			return file, nil
		case !errors.Is(err, errLocked):
			file.Close()
			return nil, fmt.Errorf("lock %s: %w", data, err)
		case time.Now().After(deadline):
			file.Close()
			return nil, fmt.Errorf("the data folder %s belongs to another isac-host that runs: stop it, or give another folder", data)
		}
	}
}

// dataID names the folder for good: it is how a file's entry tells on whose disk the file lies.
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
	if err := os.WriteFile(path+".part", []byte(id+"\n"), 0o666); err != nil {
		return "", fmt.Errorf("data folder: %w", err)
	}
	if err := os.Rename(path+".part", path); err != nil {
		return "", fmt.Errorf("data folder: %w", err)
	}
	return id, nil
}
