package store

import (
	"cmp"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// snapshotBytes is how many bytes more may lie in the file than twice what is needed.
const snapshotBytes = 16 << 20

// dead is what the file holds of values that were replaced or deleted, in bytes.
func (j *Journal) dead() int64 { return j.end - startBytes - j.live }

// trySnapshot makes a snapshot; one that fails, on a full disk, is tried again when the file has grown.
func (j *Journal) trySnapshot() {
	if err := j.snapshot(); err != nil {
		j.notBefore = j.end + snapshotBytes
		j.log.Warn("the ledger cannot be made smaller; it is tried again later", "reason", err.Error())
	}
}

// snapshot puts a file of what is left in the place of this one. Until it has its name the old file holds, and after that the new one:
// a process that is killed meanwhile leaves one of the two.
func (j *Journal) snapshot() (err error) {
	at := filepath.Join(j.dir, newName)
	file, err := os.OpenFile(at, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	next := &Journal{file: file, seed: rand.Uint64(), index: map[string]span{}, end: startBytes}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close(), os.Remove(at))
		}
	}()
	if err := j.copyTo(next); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := os.Rename(at, j.path()); err != nil {
		return err
	}
	if j.file != nil {
		j.file.Close()
	}
	if again, err := os.OpenFile(j.path(), os.O_RDWR, 0); err == nil { // for errors to give its name
		file.Close()
		file = again
	}
	j.file, j.seed, j.end, j.index, j.live, j.torn, j.notBefore, j.reserved = file, next.seed, next.end, next.index, next.live, false, 0, 0
	syncFolder(j.dir)
	return nil
}

// copyTo writes what is left, in its order.
func (j *Journal) copyTo(next *Journal) error {
	w := &writer{file: next.file}
	w.write(encodeStart(next.seed))
	keys := slices.SortedFunc(maps.Keys(j.index), func(a, b string) int { return cmp.Compare(j.index[a].at, j.index[b].at) })
	for _, key := range keys {
		value, err := j.get(key)
		if err != nil {
			return err
		}
		entry := encodeEntry(next.seed, next.end, key, value)
		h, _ := decodeHead(entry, next.seed, next.end)
		next.note(key, span{next.end, h})
		w.write(entry)
	}
	return w.flush()
}

// writer gathers small writes.
type writer struct {
	file io.Writer
	b    []byte
	err  error
}

func (w *writer) write(b []byte) {
	if w.b = append(w.b, b...); len(w.b) > 4<<20 {
		w.err = errors.Join(w.err, w.flush())
	}
}

func (w *writer) flush() error {
	if w.err == nil {
		_, w.err = w.file.Write(w.b)
	}
	w.b = w.b[:0]
	return w.err
}

// syncFolder has a name be on the disk. Not every system can; the name is there all the same unless the machine loses its power.
func syncFolder(dir string) {
	if folder, err := os.Open(dir); err == nil {
		_ = folder.Sync()
		_ = folder.Close()
	}
}
