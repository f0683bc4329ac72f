package store

import (
	"errors"
	"fmt"
)

// Put writes a value in place of one that is there. It is on the disk when Put returns; with an error it is as if Put had not been called,
// and the next call may succeed: a full disk needs no more than room.
func (j *Journal) Put(key string, value []byte) error {
	if value == nil {
		value = []byte{}
	}
	if len(value) > maxValue {
		return fmt.Errorf("%s has %d bytes, and %d may be stored", key, len(value), maxValue)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.append(entry{key, value})
}

// Delete removes values for good, all or, with an error, none. It is no error that there is none of a name. All are gone from the disk when
// Delete returns, for the price of one write.
func (j *Journal) Delete(keys ...string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var gone []entry
	for _, key := range keys {
		if _, ok := j.index[key]; ok {
			gone = append(gone, entry{key: key})
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return j.append(gone...)
}

// append writes entries at the end, all or none.
func (j *Journal) append(entries ...entry) error {
	if err := j.mend(); err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	var text []byte
	spans := make([]span, len(entries))
	for i, e := range entries {
		at := j.end + int64(len(text))
		one := encodeEntry(j.seed, at, e.key, e.value)
		h, _ := decodeHead(one, j.seed, at)
		spans[i] = span{at, h}
		if text == nil {
			text = one
		} else {
			text = append(text, one...)
		}
	}
	_, err := j.file.WriteAt(text, j.end)
	if err == nil && !j.lazy {
		err = j.file.Sync()
	}
	if err != nil {
		j.torn = true
		return fmt.Errorf("write the ledger: %w", errors.Join(err, j.mend()))
	}
	for i, e := range entries {
		j.note(e.key, spans[i])
	}
	j.reserve()
	if j.dead() > j.live+snapshotBytes && j.end >= j.notBefore {
		j.trySnapshot()
	}
	return nil
}

// mend cuts off what a write left that failed.
func (j *Journal) mend() error {
	if !j.torn {
		return nil
	}
	if err := j.cut(); err != nil {
		return err
	}
	j.torn = false
	return nil
}

func (j *Journal) cut() error {
	if err := j.file.Truncate(j.end); err != nil {
		return err
	}
	j.reserved = 0
	j.reserve()
	return j.file.Sync()
}

// Batch calls fn, which may write many values: they are on the disk when Batch returns, and not sooner.
func (j *Journal) Batch(fn func() error) error {
	j.setLazy(true)
	err := fn()
	j.setLazy(false)
	j.mu.Lock()
	defer j.mu.Unlock()
	return errors.Join(err, j.file.Sync())
}

func (j *Journal) setLazy(lazy bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lazy = lazy
}
