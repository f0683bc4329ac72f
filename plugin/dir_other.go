//go:build !unix

package plugin

import (
	"errors"
	"io"
	"os"
)

// LockDir is not available here: a file that is locked could not be removed with its directory. The directories of processes that were
// killed together with their host stay.
func LockDir(string) (io.Closer, error) { return nil, errors.ErrUnsupported }

func mine(os.FileInfo) bool { return false }

func abandoned(string) bool { return false }
