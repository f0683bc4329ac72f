package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// Values keeps values under keys. Keys are paths in any UTF-8 text: "default/workflows/my graph.json".
type Values interface {
	// Get gives a value; fs.ErrNotExist where there is none.
	Get(ctx context.Context, key string) (value []byte, modified time.Time, err error)
	// Put writes a value, in place of one that is there.
	Put(ctx context.Context, key string, value []byte) error
	// Create writes a value that must not be there yet; fs.ErrExist where it is.
	Create(ctx context.Context, key string, value []byte) error
	// Delete removes a value; fs.ErrNotExist where there is none.
	Delete(ctx context.Context, key string) error
	// List gives the entries whose keys begin with prefix, by key.
	List(ctx context.Context, prefix string) ([]Entry, error)
}

// Entry is one value of a Values.
type Entry struct {
	Key string
	// Size in bytes.
	Size              int64
	Modified, Created time.Time
}

// valuePrefix is how the keys of all values begin in the journal.
const valuePrefix = "value/"

// Values gives the values of a name; equal names give equal values.
func (j *Journal) Values(name string) (Values, error) {
	if err := checkKey(name); err != nil || strings.Contains(name, "/") {
		return nil, fmt.Errorf("store %q: expected one plain name", name)
	}
	return &values{j, valuePrefix + name + "/"}, nil
}

// values is a Values below a prefix.
type values struct {
	journal *Journal
	prefix  string
}

// about stands before a value, on a line of its own.
type about struct {
	Created  time.Time `json:"created"`
	Modified time.Time `json:"modified"`
}

// aboutBytes is more than such a line has.
const aboutBytes = 256

func splitValue(text []byte) (a about, bytesOfLine int, err error) {
	at := bytes.IndexByte(text, '\n')
	if at < 0 {
		return a, 0, errors.New("its first line is missing")
	}
	return a, at + 1, json.Unmarshal(text[:at], &a)
}

// Get gives a value.
func (v *values) Get(_ context.Context, key string) ([]byte, time.Time, error) {
	text, err := v.journal.Get(v.prefix + key)
	if err != nil {
		return nil, time.Time{}, err
	}
	a, line, err := splitValue(text)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("%s cannot be read: %w", key, err)
	}
	return text[line:], a.Modified, nil
}

// Put writes a value.
func (v *values) Put(_ context.Context, key string, value []byte) error {
	v.journal.values.Lock()
	defer v.journal.values.Unlock()
	now := time.Now().UTC()
	a := about{now, now}
	if e, err := v.entry(v.prefix + key); err == nil {
		a.Created = e.Created
	}
	return v.write(key, a, value)
}

// Create writes a new value.
func (v *values) Create(_ context.Context, key string, value []byte) error {
	v.journal.values.Lock()
	defer v.journal.values.Unlock()
	if v.journal.Has(v.prefix + key) {
		return fmt.Errorf("%s: %w", key, fs.ErrExist)
	}
	now := time.Now().UTC()
	return v.write(key, about{now, now}, value)
}

func (v *values) write(key string, a about, value []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	line, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return v.journal.Put(v.prefix+key, append(append(line, '\n'), value...))
}

// Delete removes a value.
func (v *values) Delete(_ context.Context, key string) error {
	v.journal.values.Lock()
	defer v.journal.values.Unlock()
	if !v.journal.Has(v.prefix + key) {
		return fmt.Errorf("%s: %w", key, fs.ErrNotExist)
	}
	return v.journal.Delete(v.prefix + key)
}

// List gives entries by key.
func (v *values) List(_ context.Context, prefix string) ([]Entry, error) {
	keys := v.journal.Keys(v.prefix + prefix)
	entries := make([]Entry, 0, len(keys))
	for _, key := range keys {
		e, err := v.entry(key)
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// entry reads what stands before a value.
func (v *values) entry(key string) (Entry, error) {
	text, size, err := v.journal.begin(key, aboutBytes)
	if err != nil {
		return Entry{}, err
	}
	a, line, err := splitValue(text)
	if err != nil {
		return Entry{}, fmt.Errorf("%s cannot be read: %w", key, err)
	}
	return Entry{Key: strings.TrimPrefix(key, v.prefix), Size: size - int64(line), Modified: a.Modified, Created: a.Created}, nil
}

// Import writes a value with its times, for those that come from an older store.
func (j *Journal) Import(name string, e Entry, value []byte) error {
	return (&values{j, valuePrefix + name + "/"}).write(e.Key, about{e.Created, e.Modified}, value)
}
