package weights

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

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
	head, order, err := buildHeader(entries, metadata)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	err = replaceFile(path, func(w io.Writer) error {
		if _, err := w.Write(head); err != nil {
			return err
		}
		for _, e := range order {
			if _, err := w.Write(e.Data); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// buildHeader checks the entries and gives the length and header, padded so that the data begins at a multiple of 8, and the entries in
// the order in which their data follows: widest elements first, so that every tensor is aligned.
func buildHeader(entries []Entry, metadata map[string]string) ([]byte, []Entry, error) {
	order := slices.Clone(entries)
	slices.SortStableFunc(order, func(a, b Entry) int {
		if d := elementBits[b.DType] - elementBits[a.DType]; d != 0 {
			return int(d)
		}
		return strings.Compare(a.Name, b.Name)
	})
	type info struct {
		DType   DType    `json:"dtype"`
		Shape   []int64  `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	fields := map[string]any{}
	if len(metadata) > 0 {
		fields[metadataKey] = metadata
	}
	var mistakes Mistakes
	var at int64
	for _, e := range order {
		width, ok := elementBits[e.DType]
		if !ok {
			mistakes = append(mistakes, fmt.Errorf("tensor %q: unknown dtype %q", e.Name, e.DType))
			continue
		}
		size, err := byteSize(e.Shape, width)
		if err == nil && size != int64(len(e.Data)) {
			err = fmt.Errorf("shape %v of %s takes %d bytes, %d given", e.Shape, e.DType, size, len(e.Data))
		}
		if _, twice := fields[e.Name]; twice && err == nil {
			err = fmt.Errorf("name occurs twice or is reserved")
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("tensor %q: %w", e.Name, err))
			continue
		}
		fields[e.Name] = info{e.DType, append([]int64{}, e.Shape...), [2]int64{at, at + size}}
		at += size
	}
	if err := mistakes.err(); err != nil {
		return nil, nil, err
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(fields); err != nil {
		return nil, nil, err
	}
	body := bytes.TrimRight(text.Bytes(), "\n")
	body = append(body, bytes.Repeat([]byte{' '}, (8-len(body)%8)%8)...)
	if len(body) > maxHeader {
		return nil, nil, fmt.Errorf("the header takes %d bytes, more than the format's limit of %d", len(body), maxHeader)
	}
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(body))), body...), order, nil
}

// replaceFile writes beside path and renames, so that no reader ever sees half a file.
func replaceFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
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
