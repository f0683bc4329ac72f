package server

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/windows"
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

// takeStreams gives libraries that are loaded from now on standard error for their standard output, so that what they print does not stand
// in the way of the host, which reads the handshake there. os.Stdout keeps the real one.
func takeStreams() (*streams, error) {
	if err := windows.SetStdHandle(windows.STD_OUTPUT_HANDLE, windows.Handle(os.Stderr.Fd())); err != nil {
		return nil, fmt.Errorf("turn standard output to standard error: %w", err)
	}
	return &streams{stdout: os.Stdout, stderr: os.Stderr}, nil
}

// keep keeps the streams open until here. A closed standard output looks like a dead process to some hosts.
func (s *streams) keep() {
	runtime.KeepAlive(s.stdout)
	runtime.KeepAlive(s.stderr)
}
