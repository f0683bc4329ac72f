package weights

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"unsafe"

	"github.com/isac-guidance/isac/isac/torch"
)

// File is one open safetensors file. It is a Source whose tensors are views of the mapped file: no copy is made, and writing to one
// changes this process's view only, never the file.
type File struct {
	path   string
	header *header

	mu     sync.Mutex
	mapped []byte // nil once closed
}

// Open maps a safetensors file and checks its whole header before anything is used. Errors are ErrFormat (with what is wrong) or the
// file system's. A file that is cut short by somebody else after Open kills the process when the lost part is read (SIGBUS): replace
// model files by renaming, as Write does.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open weights: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open weights: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("open weights: %s is not a file", path)
	}
	if info.Size() < 8 {
		return nil, fmt.Errorf("open weights: %s: %d bytes are too few for a header's length: %w", path, info.Size(), ErrFormat)
	}
	mapped, err := mapFile(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("open weights: map %s: %w", path, err)
	}
	h, err := parseHeader(mapped)
	if err != nil {
		unmapFile(mapped)
		return nil, fmt.Errorf("open weights: %s: %w", path, err)
	}
	return &File{path: path, header: h, mapped: mapped}, nil
}

// Close unmaps the file. Tensors that Tensor gave, and bytes that Bytes gave, must not be used any more: whoever needs them longer
// makes a copy before (Params does). Closing twice is allowed.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mapped == nil {
		return nil
	}
	err := unmapFile(f.mapped)
	f.mapped = nil
	return err
}

// Path is the path that the file was opened with.
func (f *File) Path() string { return f.path }

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

// Bytes gives a tensor's data as stored, little endian, a view of the mapped file that is valid until Close.
func (f *File) Bytes(name string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, ok := f.header.tensors[name]
	if !ok {
		return nil, fmt.Errorf("%s: tensor %q: %w", f.path, name, ErrMissing)
	}
	if f.mapped == nil {
		return nil, fmt.Errorf("%s: tensor %q: %w", f.path, name, ErrClosed)
	}
	return f.header.data[e.begin:e.end:e.end], nil
}

// Tensor gives a tensor as a view of the mapped file, owned by the current scope; a tensor whose data is not aligned to its element
// size is copied. An element type that libtorch cannot hold here (the 8-bit floats among them) is ErrUnsupported.
func (f *File) Tensor(name string) (torch.Tensor, error) {
	data, err := f.Bytes(name)
	if err != nil {
		return torch.Tensor{}, err
	}
	e := f.header.tensors[name]
	dtype, ok := e.dtype.Torch()
	if !ok {
		return torch.Tensor{}, fmt.Errorf("%s: tensor %q is stored as %s, which this program cannot compute with: get or convert the model in F16, BF16 or F32: %w",
			f.path, name, e.dtype, ErrUnsupported)
	}
	var t torch.Tensor
	err = torch.Try(func() error {
		switch {
		case len(data) == 0:
			t = torch.Zeros(e.shape, dtype, torch.CPU)
		case uintptr(unsafe.Pointer(&data[0]))%uintptr(elementBits[e.dtype]/8) != 0:
			t = torch.FromBytes(data, dtype, e.shape...)
		default:
			t = torch.FromBlob(unsafe.Pointer(&data[0]), dtype, e.shape...)
		}
		return nil
	})
	if err != nil {
		return torch.Tensor{}, fmt.Errorf("%s: tensor %q: %w", f.path, name, err)
	}
	return t, nil
}
