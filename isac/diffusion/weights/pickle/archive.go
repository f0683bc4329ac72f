package pickle

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// The layout of today is a zip archive without compression: NAME/data.pkl is the pickle, NAME/data/KEY are the storages, NAME/byteorder says in
// which order their bytes are.

func readArchive(file io.ReaderAt, size int64) (any, error) {
	archive, err := zip.NewReader(file, size)
	if err != nil {
		if errors.Is(err, zip.ErrFormat) {
			return nil, fmt.Errorf("its zip archive has no end: it is truncated: %w", ErrBroken)
		}
		return nil, fmt.Errorf("zip archive: %w: %w", err, ErrBroken)
	}
	if len(archive.File) > maxZip {
		return nil, fmt.Errorf("its zip archive has %d files, expected at most %d: %w", len(archive.File), maxZip, ErrRefused)
	}
	files := map[string]*zip.File{}
	root, found := "", false
	for _, f := range archive.File {
		files[f.Name] = f
		if path.Base(f.Name) == "data.pkl" && (!found || len(f.Name) < len(root)+len("data.pkl")) {
			root, found = strings.TrimSuffix(f.Name, "data.pkl"), true
		}
	}
	switch {
	case !found:
		return nil, fmt.Errorf("it is a zip archive without a data.pkl, and so not of torch.save: unpack it: %w", ErrRefused)
	case files[root+"constants.pkl"] != nil:
		return nil, fmt.Errorf("it is a program of TorchScript and no checkpoint: %w", ErrRefused)
	}
	if order := files[root+"byteorder"]; order != nil {
		if text, err := stored(order, file, size); err != nil || string(text) != "little" {
			return nil, fmt.Errorf("its numbers are not little endian (%q): %w", text, errors.Join(err, ErrRefused))
		}
	}
	pickled, at, err := place(files[root+"data.pkl"], size)
	if err != nil {
		return nil, err
	}
	all := known{}
	m := &machine{in: newInput(io.NewSectionReader(file, at, pickled)), load: func(id []any) (*storage, error) {
		s, fresh, err := all.add(id)
		if err != nil || !fresh {
			return s, err
		}
		f := files[root+"data/"+s.key]
		if f == nil {
			return nil, fmt.Errorf("storage %q is not in the archive: %w", s.key, ErrBroken)
		}
		have, at, err := place(f, size)
		if err == nil && have < s.bytes() {
			err = fmt.Errorf("storage %q has %d bytes, expected %d: %w", s.key, have, s.bytes(), ErrBroken)
		}
		s.at = at
		return s, err
	}}
	return m.value()
}

// place is where the bytes of a file of an archive lie.
func place(f *zip.File, size int64) (bytes, at int64, err error) {
	if f.Method != zip.Store {
		return 0, 0, fmt.Errorf("%s is compressed, which torch.save does not do: unpack the archive and save it anew: %w", f.Name, ErrRefused)
	}
	at, err = f.DataOffset()
	bytes = int64(f.UncompressedSize64)
	if err != nil || bytes < 0 || at < 0 || at > size || bytes > size-at {
		return 0, 0, fmt.Errorf("%s does not lie in the archive: it is truncated: %w", f.Name, errors.Join(err, ErrBroken))
	}
	return bytes, at, nil
}

// stored reads a small file of an archive.
func stored(f *zip.File, file io.ReaderAt, size int64) ([]byte, error) {
	bytes, at, err := place(f, size)
	if err != nil {
		return nil, err
	}
	text := make([]byte, min(bytes, 64))
	_, err = io.ReadFull(io.NewSectionReader(file, at, bytes), text)
	return text, err
}
