package server

import (
	"fmt"
	"os"

	"golang.org/x/sys/windows"
)

// takeStreams gives libraries that are loaded from now on standard error for their standard output, so that what they print does not stand
// in the way of the host, which reads the handshake there. os.Stdout keeps the real one.
func takeStreams() (*streams, error) {
	if err := windows.SetStdHandle(windows.STD_OUTPUT_HANDLE, windows.Handle(os.Stderr.Fd())); err != nil {
		return nil, fmt.Errorf("turn standard output to standard error: %w", err)
	}
	return &streams{stdout: os.Stdout, stderr: os.Stderr}, nil
}
