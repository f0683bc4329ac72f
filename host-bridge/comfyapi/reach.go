package comfyapi

import (
	"errors"
	"io/fs"
	"slices"
	"syscall"
)

// leadsNowhere tells errors of opening a file that are about what was asked for, not about this server: a file where a folder was
// expected, a link that leads out or in circles, a name that the file system does not take, a file that the server may not read.
func leadsNowhere(err error) bool {
	var path *fs.PathError
	if !errors.As(err, &path) || errors.Is(err, fs.ErrClosed) {
		return false
	}
	var number syscall.Errno
	if !errors.As(err, &number) {
		return true // package os found that the path leads out of its folder
	}
	return slices.Contains([]syscall.Errno{
		syscall.ENOTDIR, syscall.ELOOP, syscall.ENAMETOOLONG, syscall.EINVAL, syscall.EISDIR, syscall.ENXIO, syscall.EACCES, syscall.EPERM,
	}, number)
}
