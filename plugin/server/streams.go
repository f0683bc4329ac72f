package server

import (
	"os"
	"runtime"
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

// keep keeps the streams open until here. A closed standard output looks like a dead process to some hosts.
func (s *streams) keep() {
	runtime.KeepAlive(s.stdout)
	runtime.KeepAlive(s.stderr)
}
