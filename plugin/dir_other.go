//go:build !unix

package plugin

import (
	"errors"
	"os"
)

// LockDir is not available here; the directories of processes that were killed together with their host stay.
func LockDir(string) (*os.File, error) { return nil, errors.ErrUnsupported }

func mine(os.FileInfo) bool { return false }

func abandoned(string) bool { return false }
