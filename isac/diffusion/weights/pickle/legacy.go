package pickle

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The layout of PyTorch before 1.6 is five pickles one after the other: a magic number, the version 1001, the machine that wrote it, the value, the
// keys of the storages; then each storage in the order of the keys, as a count of 8 bytes and its elements.

// legacyMagic is the number 0x1950a86a20f9469cfc6c, little endian.
const legacyMagic raw = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"

const legacyVersion = 1001

func readLegacy(file io.ReaderAt, size int64) (any, error) {
	all := known{}
	in := newInput(io.NewSectionReader(file, 0, size))
	m := &machine{in: in, load: func(id []any) (*storage, error) {
		s, _, err := all.add(id)
		return s, err
	}}
	var parts [5]any
	for i := range parts {
		var err error
		if parts[i], err = m.value(); err != nil {
			return nil, err
		}
		if i == 0 && parts[0] != legacyMagic {
			return nil, fmt.Errorf("it is a pickle, but none of torch.save: it holds %s: %w", kindOf(parts[0]), ErrRefused)
		}
	}
	if parts[1] != int64(legacyVersion) {
		return nil, fmt.Errorf("it has version %v of the layout, expected %d: %w", parts[1], legacyVersion, ErrRefused)
	}
	if system, ok := parts[2].(*dict); ok {
		if little, given := system.get("little_endian"); given && little != true {
			return nil, fmt.Errorf("its numbers are not little endian: %w", ErrRefused)
		}
	}
	keys, ok := items(parts[4])
	if !ok {
		return nil, fmt.Errorf("%s where the keys of storages were expected: %w", kindOf(parts[4]), ErrBroken)
	}
	at := in.read
	placed := map[*storage]bool{}
	for _, key := range keys {
		name, _ := key.(string)
		s := all[name]
		if s == nil || placed[s] {
			return nil, fmt.Errorf("storage %v is of no tensor, or comes twice: %w", key, ErrBroken)
		}
		var count [8]byte
		if _, err := file.ReadAt(count[:], at); err != nil {
			return nil, ended(err)
		}
		if n := binary.LittleEndian.Uint64(count[:]); n != uint64(s.count) {
			return nil, fmt.Errorf("storage %q has %d elements, expected %d: %w", name, n, s.count, ErrBroken)
		}
		s.at = at + 8
		if at = s.at + s.bytes(); at > size || at < 0 {
			return nil, fmt.Errorf("storage %q ends %d bytes behind the file: it is truncated: %w", name, at-size, ErrBroken)
		}
		placed[s] = true
	}
	for name, s := range all {
		if !placed[s] {
			return nil, fmt.Errorf("storage %q is not in the file: %w", name, ErrBroken)
		}
	}
	return parts[3], nil
}
