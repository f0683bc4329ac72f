package store

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// scan reads the whole file and checks it.
func (j *Journal) scan() error {
	info, err := j.file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no file; move it away", j.path())
	}
	size := info.Size()
	r := bufio.NewReaderSize(io.NewSectionReader(j.file, 0, size), 1<<20)
	start := make([]byte, startBytes)
	_, err = io.ReadFull(r, start)
	seed, ok := decodeStart(start)
	if err != nil || !ok {
		return fmt.Errorf("%s is none of isac-host's ledgers, or its first %d bytes are damaged; restore it from a backup, or move it away to begin anew", j.path(), startBytes)
	}
	j.seed, j.end, j.index, j.live = seed, startBytes, map[string]span{}, 0
	for j.end < size {
		whole, err := j.next(r, size)
		if err != nil {
			return err
		}
		if !whole {
			j.log.Warn("the end of the ledger was only half written when the last process ended; it is cut off", "file", j.path(), "bytes", size-j.end)
			return j.cut()
		}
	}
	return nil
}

// next reads the entry at the end so far; false where the file ends in the middle of it.
func (j *Journal) next(r *bufio.Reader, size int64) (whole bool, err error) {
	b := make([]byte, headBytes)
	if _, err := io.ReadFull(r, b); errors.Is(err, io.ErrUnexpectedEOF) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	h, ok := decodeHead(b, j.seed, j.end)
	if !ok {
		if empty, err := zeros(b, r); err != nil || empty {
			return false, err // a machine that lost its power may leave a file longer than what was written
		}
		return false, j.damaged(j.end, "no entry begins here")
	}
	if j.end+h.bytes() > size {
		return false, nil
	}
	key := make([]byte, h.key)
	if _, err := io.ReadFull(r, key); err != nil {
		return false, err
	}
	sum := crc32.New(castagnoli)
	sum.Write(key)
	if _, err := io.CopyN(sum, r, int64(h.size())); err != nil {
		return false, err
	}
	if sum.Sum32() != h.payload {
		return false, j.damaged(j.end, "the checksum of an entry does not fit")
	}
	j.note(string(key), span{j.end, h})
	return true, nil
}

// note takes an entry into the index that stands at the end.
func (j *Journal) note(key string, s span) {
	if before, ok := j.index[key]; ok {
		j.live -= before.bytes()
		delete(j.index, key)
	}
	if s.value != deletion {
		j.index[key] = s
		j.live += s.bytes()
	}
	j.end = s.at + s.bytes()
}

// zeros tells whether nothing but zeros is left.
func zeros(b []byte, r *bufio.Reader) (bool, error) {
	for _, c := range b {
		if c != 0 {
			return false, nil
		}
	}
	for {
		switch c, err := r.ReadByte(); {
		case errors.Is(err, io.EOF):
			return true, nil
		case err != nil || c != 0:
			return false, err
		}
	}
}
