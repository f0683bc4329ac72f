//go:build !unix

package weights

import (
	"io"
	"os"
	"unsafe"
)

// mapFile reads the whole file where there is no mmap, into memory that any element type may lie in.
func mapFile(f *os.File, size int64) ([]byte, error) {
	words := make([]uint64, (size+7)/8)
	b := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), size)
	_, err := io.ReadFull(f, b)
	return b, err
}

func unmapFile([]byte) error { return nil }
