//go:build unix

package weights

import (
	"bufio"
	"io"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// replaceFile writes beside path and renames, so that no reader ever sees half a file.
func replaceFile(path string, write func(io.Writer) error) error {
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), renameio.WithStaticPermissions(0o644))
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }() // of nothing, once it has its name
	w := bufio.NewWriterSize(f, 1<<20)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}
