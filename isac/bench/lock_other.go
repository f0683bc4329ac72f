//go:build !unix

package bench

import (
	"os"
	"path/filepath"
)

// Lock makes the folder and keeps nobody out: there are no advisory locks that child processes inherit here.
func Lock(path string) (*os.File, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, err
	}
	return os.OpenFile(filepath.Join(path, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
}
