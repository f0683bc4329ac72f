package store

import "golang.org/x/sys/unix"

// reserve takes room on the disk for the next entries, so that on a full one small ones still fit: the end of a prompt, a deletion.
// Where it cannot, nothing is lost but that.
func (j *Journal) reserve() {
	if j.reserved-j.end > reserveBytes/2 {
		return
	}
	// With the size kept, scan sees none of it. Where there is no room for all, some is better than none.
	for room := int64(reserveBytes); room >= reserveBytes/16; room /= 2 {
		if unix.Fallocate(int(j.file.Fd()), unix.FALLOC_FL_KEEP_SIZE, j.end, room) == nil {
			j.reserved = j.end + room
			return
		}
	}
}
