package weights

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/isac-guidance/isac/isac/torch"
)

// File is one open file of weights: safetensors, or of torch.save (see package pickle). It is a Source whose tensors are copies. The file is read and not mapped: a mapped file that
// somebody cuts short ends the process where the lost part is touched (SIGBUS), and every tensor is copied to its device anyway.
type File struct {
	path   string
	header *header

	mu      sync.Mutex
	file    *os.File // nil once closed
	staging staging
}

// Open opens a file and checks its whole header before anything is used; what it is tells its content, not its name. Errors are ErrFormat (with
// what is wrong), ErrUnsupported for a pickle that holds more than tensors, or the file system's; what is no plain file, such as a pipe or a device, is refused before it is opened.
func Open(path string) (*File, error) {
	f, info, err := openRegular(path)
	if err != nil {
		return nil, fmt.Errorf("open weights: %w", err)
	}
	h, err := readHeader(f, info.Size())
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open weights: %s: %w", path, err)
	}
	return &File{path: path, header: h, file: f}, nil
}

// Close closes the file. What Tensor and Bytes gave stays good. Closing twice is allowed.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		return nil
	}
	err := errors.Join(f.file.Close(), f.staging.free())
	f.file = nil
	return err
}

// Path is the path that the file was opened with.
func (f *File) Path() string { return f.path }

// Pickled says whether this is a file of torch.save.
func (f *File) Pickled() bool { return f.header.pickled }

// Metadata is the header's __metadata__, empty where it has none.
func (f *File) Metadata() map[string]string { return f.header.metadata }

// Names lists every tensor, sorted.
func (f *File) Names() []string { return slices.Clone(f.header.names) }

// Has says whether there is a tensor of this name.
func (f *File) Has(name string) bool { _, ok := f.header.tensors[name]; return ok }

// Shape gives a tensor's shape.
func (f *File) Shape(name string) ([]int64, bool) {
	e, ok := f.header.tensors[name]
	return slices.Clone(e.shape), ok
}

// DType gives a tensor's element type.
func (f *File) DType(name string) (DType, bool) {
	e, ok := f.header.tensors[name]
	return e.dtype, ok
}

// Origin is the file's name and, for a tensor in it, the tensor's name too.
func (f *File) Origin(name string) string { return filepath.Base(f.path) }

// Bytes gives a tensor's data as stored, little endian, a copy. A file that was cut short after Open is ErrFormat.
func (f *File) Bytes(name string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, err := f.entry(name)
	if err != nil {
		return nil, err
	}
	data, err := f.read(e)
	if err != nil {
		return nil, fmt.Errorf("%s: tensor %q: %w", f.path, name, err)
	}
	return data, nil
}

// read gives a tensor's elements one after the other.
func (f *File) read(e entry) ([]byte, error) {
	data := make([]byte, e.end-e.begin)
	if err := readAt(f.file, data, f.header.data+e.begin); err != nil || e.strides == nil {
		return data, err
	}
	return gather(data, e), nil
}

// entry finds a tensor of an open file.
func (f *File) entry(name string) (entry, error) {
	e, ok := f.header.tensors[name]
	if !ok {
		return e, fmt.Errorf("%s: tensor %q: %w", f.path, name, ErrMissing)
	}
	if f.file == nil {
		return e, fmt.Errorf("%s: tensor %q: %w", f.path, name, ErrClosed)
	}
	return e, nil
}

// Tensor reads a tensor; it is owned by the current scope. 8-bit floats come as float16, which holds each of their values, or with their scale as
// float32. Any other element type that libtorch cannot hold here is ErrUnsupported; a file that was cut short after Open is ErrFormat.
func (f *File) Tensor(name string) (torch.Tensor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, err := f.entry(name)
	if err != nil {
		return torch.Tensor{}, err
	}
	if table := smallFloats[e.dtype]; table != nil {
		t, err := f.small(name, e, table)
		if err != nil {
			err = fmt.Errorf("%s: tensor %q: %w", f.path, name, err)
		}
		return t, err
	}
	dtype, ok := e.dtype.Torch()
	if !ok {
		return torch.Tensor{}, fmt.Errorf("%s: tensor %q is stored as %s, which this program cannot compute with: get or convert the model in F16, BF16 or F32: %w",
			f.path, name, e.dtype, ErrUnsupported)
	}
	var t torch.Tensor
	err = torch.Try(func() (err error) {
		if e.strides != nil {
			data, err := f.read(e)
			if err == nil {
				t = torch.FromBytes(data, dtype, e.shape...)
			}
			return err
		}
		t, err = f.staging.tensor(f.file, f.header.data+e.begin, e.end-e.begin, dtype, e.shape)
		return err
	})
	if err != nil {
		return torch.Tensor{}, fmt.Errorf("%s: tensor %q: %w", f.path, name, err)
	}
	return t, nil
}
