//go:build unix

package plugin

import (
	"os"
	"path/filepath"
	"syscall"
)

// LockDir marks a private directory as in use until the returned file is closed or the process ends, however it ends. It
// fails on a directory that is not marked as one.
func LockDir(path string) (*os.File, error) {
	f, err := os.Open(filepath.Join(path, LockName))
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func mine(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}

func abandoned(path string) bool {
	f, err := os.Open(filepath.Join(path, LockName))
	if err != nil {
		return false
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
