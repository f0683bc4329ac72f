package synth

import "golang.org/x/sys/windows"

// enough tells whether the disk of dir has space for that many bytes. A file system that does not say is believed to have it.
func enough(dir string, bytes int64) error {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return nil
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(path, &free, nil, nil); err != nil {
		return nil
	}
	return fits(dir, bytes, int64(free))
}
