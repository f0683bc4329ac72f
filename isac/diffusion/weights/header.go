package weights

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"unicode/utf8"

	"github.com/isac-guidance/isac/isac/diffusion/weights/pickle"
)

// A safetensors file is the header's length (8 bytes, little endian), the header (JSON: name → dtype, shape, data_offsets, and
// optionally __metadata__), and the data, to whose start the offsets count. See https://github.com/huggingface/safetensors#format.

// maxHeader is the format's own limit on the header's length.
const maxHeader = 100_000_000

const metadataKey = "__metadata__"

// entry is one tensor of a header. Its data is data[begin:end], which lies within the file and fits its dtype and shape.
type entry struct {
	dtype      DType
	shape      []int64
	begin, end int64
	// strides are the steps between elements, where they do not lie one after the other, as in files of torch.save; else nil.
	strides []int64
}

type header struct {
	tensors  map[string]entry
	names    []string // sorted
	metadata map[string]string
	data     int64 // where in the file the data begins
	size     int64 // of the data
	pickled  bool
	scales   map[string]entry // of 8-bit floats, which are no tensors of their own; see hideScales
}

// readHeader reads the header of a safetensors file of a size, or what stands for it in one of torch.save. What it returns has been checked: every tensor's bytes are there, are as
// many as its shape asks for, and belong to no other tensor.
func readHeader(file io.ReaderAt, size int64) (*header, error) {
	if size < 8 {
		return nil, fmt.Errorf("%d bytes are too few for a header's length: %w", size, ErrFormat)
	}
	start := make([]byte, min(size, longestMagic))
	if err := readAt(file, start, 0); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(start)
	// A header of 640 bytes, or of 65,536 more, begins as pickles do.
	begun := n <= min(maxHeader, uint64(size-8)) && len(start) > 8 && start[8] == '{'
	if kind := foreign(start); kind != "" && !begun {
		return nil, fmt.Errorf("this is %s: %w", kind, ErrFormat)
	}
	if pickle.Is(start) && !begun {
		return readPickle(file, size)
	}
	if n > maxHeader {
		return nil, fmt.Errorf("the header claims %d bytes, more than the format's limit of %d: %w", n, maxHeader, ErrFormat)
	}
	if n > uint64(size-8) {
		return nil, fmt.Errorf("the header claims %d bytes, the file has only %d after its first 8: it is truncated: %w", n, size-8, ErrFormat)
	}
	text := make([]byte, n)
	if err := readAt(file, text, 8); err != nil {
		return nil, err
	}
	h := &header{tensors: map[string]entry{}, metadata: map[string]string{}, data: 8 + int64(n), size: size - 8 - int64(n)}
	if err := h.decode(text); err != nil {
		return nil, fmt.Errorf("header: %w: %w", err, ErrFormat)
	}
	slices.Sort(h.names)
	if err := h.overlaps(); err != nil {
		return nil, fmt.Errorf("header: %w: %w", err, ErrFormat)
	}
	h.hideScales()
	return h, nil
}

// decode walks the JSON object by tokens, because a map would hide names that occur twice.
func (h *header) decode(text []byte) error {
	if !utf8.Valid(text) {
		return errors.New("not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return errors.New("not a JSON object")
	}
	var mistakes Mistakes
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return fmt.Errorf("bad JSON: %w", err)
		}
		name := key.(string) // the decoder lets nothing but strings be keys
		if name == metadataKey {
			if err := d.Decode(&h.metadata); err != nil {
				return fmt.Errorf("%s is not a map of strings: %w", metadataKey, err)
			}
			continue
		}
		var stored storedEntry
		wrongType := (*json.UnmarshalTypeError)(nil)
		if err := d.Decode(&stored); errors.As(err, &wrongType) { // the decoder stands behind the value
			mistakes = append(mistakes, fmt.Errorf("tensor %q: %w", name, err))
			continue
		} else if err != nil {
			return fmt.Errorf("bad JSON at tensor %q: %w", name, err)
		}
		if _, twice := h.tensors[name]; twice {
			mistakes = append(mistakes, fmt.Errorf("tensor %q occurs twice", name))
			continue
		}
		e, err := stored.check(h.size)
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("tensor %q: %w", name, err))
			continue
		}
		h.tensors[name] = e
		h.names = append(h.names, name)
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("bad JSON: %w", err)
	}
	// The header may be padded with spaces; anything else after the object is a mistake.
	if rest := bytes.TrimRight(text[d.InputOffset():], " \t\r\n\x00"); len(rest) > 0 {
		return fmt.Errorf("%d bytes follow the JSON object", len(rest))
	}
	return mistakes.err()
}

// storedEntry is a tensor as the JSON has it.
type storedEntry struct {
	DType   DType   `json:"dtype"`
	Shape   []int64 `json:"shape"`
	Offsets []int64 `json:"data_offsets"`
}

// check gives the tensor if it lies within dataSize bytes and holds together.
func (e storedEntry) check(dataSize int64) (entry, error) {
	width, ok := elementBits[e.DType]
	if !ok {
		return entry{}, fmt.Errorf("unknown dtype %q", e.DType)
	}
	if e.Shape == nil {
		return entry{}, errors.New("no shape")
	}
	if len(e.Offsets) != 2 {
		return entry{}, fmt.Errorf("data_offsets %v, expected [begin, end]", e.Offsets)
	}
	begin, end := e.Offsets[0], e.Offsets[1]
	if begin < 0 || end < begin {
		return entry{}, fmt.Errorf("data_offsets [%d, %d] run backwards", begin, end)
	}
	if end > dataSize {
		return entry{}, fmt.Errorf("data_offsets [%d, %d] reach past the %d bytes of data that the file has: it is truncated", begin, end, dataSize)
	}
	size, err := byteSize(e.Shape, width)
	if err != nil {
		return entry{}, err
	}
	if size != end-begin {
		return entry{}, fmt.Errorf("shape %v of %s takes %d bytes, data_offsets [%d, %d] hold %d", e.Shape, e.DType, size, begin, end, end-begin)
	}
	return entry{dtype: e.DType, shape: e.Shape, begin: begin, end: end}, nil
}

// byteSize is the number of bytes that a tensor takes, or an error where that is no whole number or beyond 63 bits.
func byteSize(shape []int64, width int64) (int64, error) {
	n := uint64(1)
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("shape %v has a negative size", shape)
		}
		hi, lo := bits.Mul64(n, uint64(d))
		if hi != 0 || lo > 1<<58 {
			return 0, fmt.Errorf("shape %v is too large", shape)
		}
		n = lo
	}
	if n*uint64(width)%8 != 0 {
		return 0, fmt.Errorf("shape %v of %d-bit elements is no whole number of bytes", shape, width)
	}
	return int64(n * uint64(width) / 8), nil
}

// overlaps refuses tensors that share bytes: the format forbids it, and writing to one would change the other.
func (h *header) overlaps() error {
	type place struct {
		name       string
		begin, end int64
	}
	order := make([]place, 0, len(h.names))
	for _, name := range h.names {
		if e := h.tensors[name]; e.end > e.begin {
			order = append(order, place{name, e.begin, e.end})
		}
	}
	slices.SortFunc(order, func(a, b place) int { return cmp.Compare(a.begin, b.begin) })
	var mistakes Mistakes
	for i := 1; i < len(order); i++ {
		if a, b := order[i-1], order[i]; b.begin < a.end {
			mistakes = append(mistakes, fmt.Errorf("tensors %q [%d, %d] and %q [%d, %d] overlap", a.name, a.begin, a.end, b.name, b.begin, b.end))
		}
	}
	return mistakes.err()
}
