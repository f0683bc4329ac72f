package guidance

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/isacpb"
)

// maxShared is the most that a shared tensor may have, in bytes.
const maxShared = 1 << 30

// readShared gives a tensor whose elements lie in a file of the shared folder with its data. The file is read and not mapped: a host
// that shortens it meanwhile must not end this process.
func readShared(folder string, t *isacpb.Tensor) (*isacpb.Tensor, error) {
	if len(t.Data) > 0 {
		return nil, fmt.Errorf("%d bytes of data, and the file %q that is to hold them: give one of the two", len(t.Data), t.Shared)
	}
	file, err := openShared(folder, t.Shared)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("the shared file: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxShared {
		return nil, fmt.Errorf("the shared file %q is a %v of %d bytes, expected a plain one of at most %d", t.Shared, info.Mode().Type(), info.Size(), int64(maxShared))
	}
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(file, data); err != nil {
		return nil, fmt.Errorf("the shared file %q: %w", t.Shared, err)
	}
	return &isacpb.Tensor{Dtype: t.Dtype, Shape: t.Shape, Data: data}, nil
}

// writeShared puts the elements of an answer into the file that the request named, and names it in their place.
func writeShared(folder, name string, t *isacpb.Tensor) (*isacpb.Tensor, error) {
	file, err := openShared(folder, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err := file.WriteAt(t.Data, 0); err != nil {
		return nil, fmt.Errorf("the shared file %q: %w", name, err)
	}
	return &isacpb.Tensor{Dtype: t.Dtype, Shape: t.Shape, Shared: name}, nil
}

// openShared opens a file that the host made. Nothing leads out of the folder, and nothing else in it can be meant.
func openShared(folder, name string) (*os.File, error) {
	if folder == "" {
		return nil, fmt.Errorf("a shared file %q: this process shares no folder with its host, send data", name)
	}
	if !strings.HasPrefix(name, plugin.SharedPrefix) || name != filepath.Base(name) {
		return nil, fmt.Errorf("a shared file %q: expected a plain name that begins with %q", name, plugin.SharedPrefix)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("the shared folder: %w", err)
	}
	defer root.Close()
	// Not blocking, should it be a pipe.
	file, err := root.OpenFile(name, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("the shared file: %w", err)
	}
	return file, nil
}
