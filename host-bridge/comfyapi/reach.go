package comfyapi

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"syscall"
)

// leadsNowhere tells errors of opening or placing a file that are about what was asked for, not about this server: a file where a folder
// was expected or the other way round, a link that leads out or in circles, a name that the file system does not take, a file that the
// server may not read.
func leadsNowhere(err error) bool {
	var path *fs.PathError
	var link *os.LinkError
	if !errors.As(err, &path) && !errors.As(err, &link) || errors.Is(err, fs.ErrClosed) {
		return false
	}
	var number syscall.Errno
	if !errors.As(err, &number) {
		return true // package os found that the path leads out of its folder
	}
	return slices.Contains([]syscall.Errno{
		syscall.ENOTDIR, syscall.ELOOP, syscall.ENAMETOOLONG, syscall.EINVAL, syscall.EISDIR, syscall.ENXIO, syscall.EACCES, syscall.EPERM,
		syscall.EEXIST, syscall.ENOTEMPTY,
	}, number)
}
