package store

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// journalName is the journal's file in the data folder, newName that of a snapshot that is being written.
const (
	journalName = "ledger"
	newName     = "ledger.new"
)

// Journal is a file of values under keys; see the package's comment. Several goroutines may use it, and one process: the caller
// holds a lock on the folder. Close has to be called.
type Journal struct {
	dir string
	log *slog.Logger

	mu   sync.Mutex
	file *os.File
	seed uint64
	// end is where the next entry goes.
	end int64
	// torn: what lies behind end is left of a write that failed, and is cut off before the next.
	torn bool
	// index says where each value is; live is what their entries have together, in bytes.
	index map[string]span
	live  int64
	// lazy: what is written need not be on the disk yet.
	lazy bool
	// reserved is up to where room on the disk was taken for what follows.
	reserved int64
	// notBefore is the end at which a snapshot that failed is tried again.
	notBefore int64

	// values is held while a value is looked for and then written.
	values sync.Mutex
}

// reserveBytes is how much room is taken ahead.
const reserveBytes = 1 << 20

// span is an entry's place.
type span struct {
	at int64
	head
}

// OpenJournal opens the journal of a folder, or makes one, and checks every byte of it. What a process left half written that was killed is
// cut off. A journal that is damaged otherwise is an error that names the place.
func OpenJournal(dir string, log *slog.Logger) (*Journal, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	j := &Journal{dir: dir, log: log}
	if err := os.Remove(filepath.Join(dir, newName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	file, err := os.OpenFile(j.path(), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		j.index = map[string]span{}
		if err := j.snapshot(); err != nil {
			return nil, fmt.Errorf("make the ledger: %w", err)
		}
		return j, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	j.file = file
	if err := j.scan(); err != nil {
		file.Close()
		return nil, fmt.Errorf("ledger: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.dead() > j.live {
		j.trySnapshot()
	}
	return j, nil
}

func (j *Journal) path() string { return filepath.Join(j.dir, journalName) }

// Close closes the file. What is stored stays.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.file.Close()
}

// Get gives a value; fs.ErrNotExist where there is none.
func (j *Journal) Get(key string) ([]byte, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.get(key)
}

func (j *Journal) get(key string) ([]byte, error) {
	s, ok := j.index[key]
	if !ok {
		return nil, fmt.Errorf("%s: %w", key, fs.ErrNotExist)
	}
	value := make([]byte, s.value)
	if _, err := j.file.ReadAt(value, s.at+headBytes+int64(s.key)); err != nil {
		return nil, fmt.Errorf("%s: read the ledger: %w", key, err)
	}
	if payloadSum(key, value) != s.payload {
		return nil, j.damaged(s.at, "the checksum of "+key+" does not fit")
	}
	return value, nil
}

// begin gives the first bytes of a value, at most so many, and the size of all of it.
func (j *Journal) begin(key string, most int) ([]byte, int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	s, ok := j.index[key]
	if !ok {
		return nil, 0, fmt.Errorf("%s: %w", key, fs.ErrNotExist)
	}
	text := make([]byte, min(int64(most), int64(s.value)))
	if _, err := j.file.ReadAt(text, s.at+headBytes+int64(s.key)); err != nil {
		return nil, 0, fmt.Errorf("%s: read the ledger: %w", key, err)
	}
	return text, int64(s.value), nil
}

// Has tells whether there is a value.
func (j *Journal) Has(key string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, ok := j.index[key]
	return ok
}

// Keys gives the keys that begin with prefix, sorted.
func (j *Journal) Keys(prefix string) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var keys []string
	for key := range j.index {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// damaged says where the file is not as it was written, and what can be done.
func (j *Journal) damaged(at int64, what string) error {
	return fmt.Errorf("%s is damaged at byte %d: %s; restore it from a backup, or cut it there with \"truncate -s %d %s\": what was "+
		"written later is lost then, and what was deleted later is back", j.path(), at, what, at, j.path())
}
