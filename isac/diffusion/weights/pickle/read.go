package pickle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Is tells by the first bytes of a file whether it may be one that torch.save wrote.
func Is(start []byte) bool {
	return bytes.HasPrefix(start, []byte(zipMagic)) || bytes.HasPrefix(start, []byte("\x80\x02"))
}

const zipMagic = "PK\x03\x04"

// Read lists the tensors of a file of a size that torch.save wrote, in its layout of today, a zip archive, or in that of PyTorch before 1.6. Their
// data is not read. Errors wrap ErrRefused or ErrBroken, or are the file's.
func Read(file io.ReaderAt, size int64) ([]Tensor, error) {
	start := make([]byte, 4)
	if _, err := file.ReadAt(start, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	var v any
	var err error
	switch {
	case string(start) == zipMagic:
		v, err = readArchive(file, size)
	case Is(start):
		v, err = readLegacy(file, size)
	default:
		err = fmt.Errorf("it begins with %q and is no file of torch.save: %w", start, ErrBroken)
	}
	if err != nil {
		return nil, err
	}
	return tensorsOf(v)
}

// storageOf reads a persistent id: ("storage", class, key, place, count), and in the old layout what part of another it is.
func storageOf(id []any) (*storage, error) {
	if len(id) < 5 || len(id) > 6 || id[0] != "storage" {
		return nil, fmt.Errorf("its pickle refers to something outside that is no storage: %w", ErrRefused)
	}
	class, ok := id[1].(global)
	dtype, known := class.storageType()
	key, named := id[2].(string)
	count, counted := id[4].(int64)
	switch {
	case !ok || !known:
		return nil, fmt.Errorf("a storage of %s: %w", kindOf(id[1]), ErrRefused)
	case !named || !counted || count < 0 || count > 1<<55:
		return nil, fmt.Errorf("a storage %v of %v elements: %w", id[2], id[4], ErrBroken)
	case len(id) == 6 && id[5] != nil:
		return nil, fmt.Errorf("storage %q is a part of another: load and save the file once with a PyTorch of today: %w", key, ErrRefused)
	}
	return &storage{key: key, dtype: dtype, count: count}, nil
}

// bytes is the size of a storage in the file.
func (s *storage) bytes() int64 {
	if s.dtype == "" {
		return s.count
	}
	return s.count * widths[s.dtype]
}

// known keeps the storages of one file: one that is named twice is one.
type known map[string]*storage

func (k known) add(id []any) (s *storage, fresh bool, err error) {
	if s, err = storageOf(id); err != nil {
		return nil, false, err
	}
	if old := k[s.key]; old != nil {
		if old.dtype != s.dtype || old.count != s.count {
			return nil, false, fmt.Errorf("storage %q is %d of %s and %d of %s: %w", s.key, old.count, old.dtype, s.count, s.dtype, ErrBroken)
		}
		return old, false, nil
	}
	k[s.key] = s
	return s, true, nil
}
