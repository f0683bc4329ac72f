package weights

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// The most bytes that a text file of a model may have: a config file, a tokenizer's file or an index. The largest that are known, the
// vocabularies of multilingual tokenizers, have 17 MB.
const maxText = 64 << 20

// openRegular opens a file for reading. Anything but a plain file is refused before it is opened, because opening a pipe waits for
// whoever writes to it, and opening a device may do anything.
func openRegular(path string) (*os.File, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if err := checkRegular(path, info); err != nil {
		return nil, nil, err
	}
	// Should a pipe take its place meanwhile, then this does not wait for its writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = checkRegular(path, info)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

func checkRegular(path string, info fs.FileInfo) error {
	if mode := info.Mode(); !mode.IsRegular() {
		return fmt.Errorf("%s is %s, expected a file: %w", path, kindOf(mode), ErrConfig)
	}
	return nil
}

// kindOf names what is no plain file.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "no plain file"
}

// ReadText reads a small file of a model: config.json, merges.txt. A file of more than 64 MiB, and what is no plain file, is an error that
// is ErrConfig; one that is not there is os.ErrNotExist.
func ReadText(path string) ([]byte, error) {
	f, info, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() > maxText {
		return nil, fmt.Errorf("%s has %d bytes, expected at most %d: it is no config or tokenizer file: %w", path, info.Size(), int64(maxText), ErrConfig)
	}
	text := make([]byte, info.Size())
	if _, err := io.ReadFull(f, text); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			err = fmt.Errorf("%s became shorter than its %d bytes while it was read: %w", path, info.Size(), ErrConfig)
		}
		return nil, err
	}
	return text, nil
}
