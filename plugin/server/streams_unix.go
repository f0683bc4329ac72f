//go:build unix

package server

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// streams are the process's real standard output and error, which go-plugin exchanges for pipes of its own.
type streams struct{ stdout, stderr *os.File }

// TakeStdout moves the real standard output away from libraries, as serving does, and returns it.
func TakeStdout() (*os.File, error) {
	s, err := takeStreams()
	if err != nil {
		return nil, err
	}
	return s.stdout, nil
}

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

// keep keeps the streams open until here. A closed standard output looks like a dead process to some hosts.
func (s *streams) keep() {
	runtime.KeepAlive(s.stdout)
	runtime.KeepAlive(s.stderr)
}
