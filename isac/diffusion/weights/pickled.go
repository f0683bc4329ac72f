package weights

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/isac-guidance/isac/isac/diffusion/weights/pickle"
)

// readPickle reads what a file of torch.save holds as if it were a header of safetensors. Nothing of the file is run.
func readPickle(file io.ReaderAt, size int64) (*header, error) {
	tensors, err := pickle.Read(file, size)
	switch {
	case errors.Is(err, pickle.ErrRefused):
		return nil, fmt.Errorf("PyTorch file: %w; give the model as safetensors: %w", err, ErrUnsupported)
	case errors.Is(err, pickle.ErrBroken):
		return nil, fmt.Errorf("PyTorch file: %w; get it anew: %w", err, ErrFormat)
	case err != nil:
		return nil, err
	}
	h := &header{tensors: map[string]entry{}, metadata: map[string]string{}, size: size, pickled: true}
	for _, t := range tensors {
		e := entry{dtype: DType(t.DType), shape: append([]int64{}, t.Shape...), begin: t.Begin, end: t.End, strides: t.Strides}
		if e.begin < 0 || e.end < e.begin || e.end > size {
			return nil, fmt.Errorf("tensor %q lies outside of the file: %w", t.Name, ErrFormat)
		}
		h.tensors[t.Name] = e
		h.names = append(h.names, t.Name)
	}
	slices.Sort(h.names)
	h.hideScales()
	return h, nil
}

// gather puts the elements of a tensor with strides one after the other. data begins at the first element.
func gather(data []byte, e entry) []byte {
	width := elementBits[e.dtype] / 8
	count := int64(1)
	for _, n := range e.shape {
		count *= n
	}
	out := make([]byte, 0, count*width)
	var walk func(dim int, at int64)
	walk = func(dim int, at int64) {
		if dim == len(e.shape) {
			out = append(out, data[at*width:(at+1)*width]...)
			return
		}
		for i := range e.shape[dim] {
			walk(dim+1, at+i*e.strides[dim])
		}
	}
	walk(0, 0)
	return out
}
