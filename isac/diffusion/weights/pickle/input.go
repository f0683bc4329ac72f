package pickle

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// input reads a pickle and counts.
type input struct {
	from *bufio.Reader
	read int64 // bytes so far
	left int64 // bytes that may still be read
}

func newInput(from io.Reader) *input { return &input{from: bufio.NewReader(from), left: maxPickle} }

// again allows another pickle after the one that was read.
func (in *input) again() { in.left = maxPickle }

func (in *input) bytes(n int64) ([]byte, error) {
	if n < 0 || n > maxText {
		return nil, fmt.Errorf("a text of %d bytes, expected at most %d: %w", n, maxText, ErrBroken)
	}
	if in.left -= n; in.left < 0 {
		return nil, fmt.Errorf("the pickle has more than %d bytes: %w", maxPickle, ErrRefused)
	}
	b := make([]byte, n)
	got, err := io.ReadFull(in.from, b)
	in.read += int64(got)
	return b, ended(err)
}

func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("it ends within its pickle: it is truncated: %w", ErrBroken)
	}
	return err
}

// number reads a whole number of so many bytes, little endian.
func (in *input) number(width int) (int64, error) {
	b, err := in.bytes(int64(width))
	if err != nil {
		return 0, err
	}
	var full [8]byte
	copy(full[:], b)
	n := binary.LittleEndian.Uint64(full[:])
	if n > 1<<62 {
		return 0, fmt.Errorf("a length of %d: %w", n, ErrBroken)
	}
	return int64(n), nil
}

// counted reads a text with its length in so many bytes before it.
func (in *input) counted(width int) ([]byte, error) {
	n, err := in.number(width)
	if err != nil {
		return nil, err
	}
	return in.bytes(n)
}

// line reads up to the end of a line, without it.
func (in *input) line() (string, error) {
	var text []byte
	for {
		b, err := in.bytes(1)
		if err != nil {
			return "", err
		}
		if b[0] == '\n' {
			return string(text), nil
		}
		if text = append(text, b[0]); len(text) > maxName {
			return "", fmt.Errorf("a name of more than %d bytes: %w", maxName, ErrBroken)
		}
	}
}
