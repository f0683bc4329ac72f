package synth

import (
	"fmt"
	"syscall"
)

// spare is left on a disk, for headers, config files and whatever else is being written.
const spare = 64 << 20

// enough tells whether the disk of dir has space for that many bytes. A file system that does not say is believed to have it.
func enough(dir string, bytes int64) error {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return nil
	}
	return fits(dir, bytes, int64(s.Bavail)*int64(s.Bsize))
}

func fits(dir string, bytes, free int64) error {
	if free >= bytes+spare {
		return nil
	}
	return fmt.Errorf("the checkpoint takes %s and the disk of %s has %s free: make space, write elsewhere, or write a small one: %w", gib(bytes), dir, gib(free), ErrSpace)
}

func gib(bytes int64) string { return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30)) }
