package weights

import (
	"os"
	"syscall"
)

// mapFile maps privately and writable: libtorch takes it for granted that tensors can be written, and a write makes a private copy of
// the page instead of changing the file.
func mapFile(f *os.File, size int64) ([]byte, error) {
	return syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE)
}

func unmapFile(b []byte) error { return syscall.Munmap(b) }
