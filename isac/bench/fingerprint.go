package bench

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// wholeFile is up to which size a file is read whole for its fingerprint; of a larger one both ends are.
	wholeFile = 64 << 20
	endOfFile = 4 << 20
)

// weighty are the kinds of files that decide what a model or a detector computes. Others, such as a folder's notes or samples,
// may change.
var weighty = []string{".safetensors", ".json", ".txt", ".onnx", ".onnx_data"}

// Fingerprint tells two models, or two detectors, apart: 16 hexadecimal digits of a hash over names, sizes and contents of the
// file, or of the weights and settings in the folder. Of a file above 64 MiB only its ends are read.
func Fingerprint(path string) (string, error) {
	h := sha256.New()
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("fingerprint: %w", err)
	}
	if !info.IsDir() {
		// Its name may change: the file is the same.
		if err := hashFile(h, path, "", info.Size()); err != nil {
			return "", fmt.Errorf("fingerprint: %w", err)
		}
		return sum(h), nil
	}
	found := 0
	// WalkDir goes through a folder in the order of names.
	err = filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() || strings.HasPrefix(entry.Name(), ".") || !slices.Contains(weighty, strings.ToLower(filepath.Ext(file))) {
			return nil
		}
		info, err := os.Stat(file) // follows links, as caches of models have them
		if err != nil {
			return err
		}
		name, err := filepath.Rel(path, file)
		if err != nil {
			return err
		}
		found++
		return hashFile(h, file, filepath.ToSlash(name), info.Size())
	})
	if err == nil && found == 0 {
		err = errors.New("no weights in " + path)
	}
	if err != nil {
		return "", fmt.Errorf("fingerprint: %w", err)
	}
	return sum(h), nil
}

func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)[:8]) }

func hashFile(h hash.Hash, path, name string, size int64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	fmt.Fprintf(h, "%q %d\n", name, size)
	if size <= wholeFile {
		_, err = io.Copy(h, f)
		return err
	}
	if _, err := io.CopyN(h, f, endOfFile); err != nil {
		return err
	}
	if _, err := f.Seek(-endOfFile, io.SeekEnd); err != nil {
		return err
	}
	_, err = io.Copy(h, f)
	return err
}
