//go:build unix

package synth

import "syscall"

// enough tells whether the disk of dir has space for that many bytes. A file system that does not say is believed to have it.
func enough(dir string, bytes int64) error {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return nil
	}
	return fits(dir, bytes, int64(s.Bavail)*int64(s.Bsize))
}
