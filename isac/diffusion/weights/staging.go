package weights

import (
	"errors"
	"fmt"
	"io"
	"unsafe"

	"github.com/isac-guidance/isac/isac/torch"
)

// stagingSize is how much of a file is read at once into memory that libtorch copies from.
const stagingSize = 1 << 20

// staging is memory outside Go's, for libtorch must not keep pointers into Go's. It is made at the first use.
type staging struct{ bytes []byte }

func (s *staging) make() error {
	if s.bytes != nil {
		return nil
	}
	b, err := mapMemory(stagingSize)
	if err != nil {
		return fmt.Errorf("%d bytes to read into: %w", stagingSize, err)
	}
	s.bytes = b
	return nil
}

func (s *staging) free() error {
	if s.bytes == nil {
		return nil
	}
	b := s.bytes
	s.bytes = nil
	return unmapMemory(b)
}

// tensor reads size bytes of r from offset at into a tensor of its own, in the caller's scope. Most tensors take one read and one copy.
func (s *staging) tensor(r io.ReaderAt, at, size int64, dtype torch.DType, shape []int64) (torch.Tensor, error) {
	if size == 0 {
		return torch.Zeros(shape, dtype, torch.CPU), nil
	}
	if err := s.make(); err != nil {
		return torch.Tensor{}, err
	}
	if size <= stagingSize {
		if err := readAt(r, s.bytes[:size], at); err != nil {
			return torch.Tensor{}, err
		}
		return torch.FromBytes(s.bytes[:size], dtype, shape...), nil
	}
	width := int64(dtype.Bytes())
	flat := torch.Zeros([]int64{size / width}, dtype, torch.CPU)
	for done := int64(0); done < size; {
		n := min(stagingSize, size-done) // stagingSize is a multiple of every element's width
		if err := readAt(r, s.bytes[:n], at+done); err != nil {
			return torch.Tensor{}, err
		}
		torch.WithScope(func() []torch.Tensor {
			flat.Narrow(0, done/width, n/width).CopyFrom(torch.FromBlob(unsafe.Pointer(&s.bytes[0]), dtype, n/width))
			return nil
		})
		done += n
	}
	return flat.Reshape(shape...), nil
}

// errShrunk says that a file has no bytes any more where its header says that there are some.
var errShrunk = errors.New("the file became shorter after it was opened: something cut it or writes it anew; load the model again when that is done")

// readAt fills b. The header was checked against the file's length, so an end of the file is one that came later.
func readAt(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: %w", errShrunk, ErrFormat)
	}
	return err
}
