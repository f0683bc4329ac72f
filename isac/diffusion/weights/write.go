package weights

import (
	"io"

	"github.com/isac-guidance/isac/isac/torch"
)

// Entry is one tensor to be written: Data is its bytes, little endian, row by row.
type Entry struct {
	Name  string
	DType DType
	Shape []int64
	Data  []byte
}

// Write makes a safetensors file of the entries, in an order that depends on nothing but them: the same entries give the same bytes. The
// file appears whole, by rename, or not at all.
func Write(path string, entries []Entry, metadata map[string]string) error {
	tensors := make([]planned, len(entries))
	for i, e := range entries {
		data := func(w io.Writer) error { _, err := w.Write(e.Data); return err }
		tensors[i] = planned{Stream: Stream{e.Name, e.DType, e.Shape, data}, given: int64(len(e.Data))}
	}
	return writePlanned(path, tensors, metadata)
}

// FromTensor copies a tensor's values, from whatever device, into an Entry of the same element type. It panics with *torch.Error like
// any operation.
func FromTensor(name string, t torch.Tensor) Entry {
	e := Entry{Name: name, Shape: t.Shape(), Data: t.Bytes()}
	for d, of := range torchTypes {
		if of == t.DType() {
			e.DType = d
		}
	}
	return e
}
