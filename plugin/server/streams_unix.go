//go:build unix

package server

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// takeStreams moves the real standard output away from file descriptor 1, where from now on standard error is: whatever C or
// C++ code prints there would otherwise stand in the host's way, which reads the handshake from it.
func takeStreams() (*streams, error) {
	fd, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("duplicate standard output: %w", err)
	}
	if err := unix.Dup2(2, 1); err != nil {
		return nil, fmt.Errorf("turn standard output to standard error: %w", err)
	}
	os.Stdout = os.NewFile(uintptr(fd), "/dev/stdout")
	return &streams{stdout: os.Stdout, stderr: os.Stderr}, nil
}
