package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Stream is one tensor to be written whose bytes are made while they are written: files may be larger than the memory.
type Stream struct {
	Name  string
	DType DType
	Shape []int64
	// Data writes the tensor's bytes, little endian, row by row.
	Data func(w io.Writer) error
}

// WriteStream is Write for tensors that are made one after the other. An error of Data is given back wrapped, and so is one of a
// tensor that has written another number of bytes than its shape asks for: no file is left behind then.
func WriteStream(path string, tensors []Stream, metadata map[string]string) error {
	all := make([]planned, len(tensors))
	for i, t := range tensors {
		all[i] = planned{Stream: t, given: unknown}
	}
	return writePlanned(path, all, metadata)
}

// planned is a tensor to be written. given is how many bytes it has, where that is known before they are written.
type planned struct {
	Stream
	given int64
	size  int64 // that its shape asks for
}

const unknown = -1

func writePlanned(path string, tensors []planned, metadata map[string]string) error {
	head, order, err := buildHeader(tensors, metadata)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	err = replaceFile(path, func(w io.Writer) error {
		if _, err := w.Write(head); err != nil {
			return err
		}
		for _, t := range order {
			c := &counter{w: w}
			if err := t.Data(c); err != nil {
				return fmt.Errorf("tensor %q: %w", t.Name, err)
			}
			if c.n != t.size {
				return fmt.Errorf("tensor %q: shape %v of %s takes %d bytes, %d were written", t.Name, t.Shape, t.DType, t.size, c.n)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// buildHeader checks the tensors and gives the length and header, padded so that the data begins at a multiple of 8, and the tensors in
// the order in which their data follows: widest elements first, so that every tensor is aligned.
func buildHeader(tensors []planned, metadata map[string]string) ([]byte, []planned, error) {
	order := slices.Clone(tensors)
	slices.SortStableFunc(order, func(a, b planned) int {
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
	for i, t := range order {
		width, ok := elementBits[t.DType]
		if !ok {
			mistakes = append(mistakes, fmt.Errorf("tensor %q: unknown dtype %q", t.Name, t.DType))
			continue
		}
		size, err := byteSize(t.Shape, width)
		if err == nil && t.given != unknown && size != t.given {
			err = fmt.Errorf("shape %v of %s takes %d bytes, %d given", t.Shape, t.DType, size, t.given)
		}
		if _, twice := fields[t.Name]; twice && err == nil {
			err = fmt.Errorf("name occurs twice or is reserved")
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("tensor %q: %w", t.Name, err))
			continue
		}
		fields[t.Name] = info{t.DType, append([]int64{}, t.Shape...), [2]int64{at, at + size}}
		order[i].size = size
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

// counter counts the bytes that go through it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}
