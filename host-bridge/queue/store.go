package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/plugin"
)

// Store keeps values under keys. Keys are paths in any UTF-8 text: "default/workflows/my graph.json".
type Store interface {
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

// Entry is one value of a Store.
type Entry struct {
	Key               string
	Size              int64
	Modified, Created time.Time
}

// Files are what nodes wrote and what clients uploaded. A kind is "output", "temp" or "input".
type Files interface {
	// Open opens a file; fs.ErrNotExist where there is none.
	Open(ctx context.Context, kind, subfolder, name string) (file io.ReadSeekCloser, modified time.Time, err error)
	// Write writes files, all or none. Counters in names ("cats_%05d_.png") are filled in as graph.Folder does. The kind of the
	// files themselves is not read.
	Write(ctx context.Context, kind string, files []plugin.File) ([]graph.SavedFile, error)
	// List gives every file of a kind, by subfolder and name.
	List(ctx context.Context, kind string) ([]FileInfo, error)
}

// FileInfo is one file of Files.
type FileInfo struct {
	Subfolder, Name string
	Size            int64
	Modified        time.Time
}

// Store gives the store of a name; equal names give equal stores.
func (s *Server) Store(name string) (Store, error) {
	if err := checkKey(name); err != nil || strings.Contains(name, "/") || name == "server" {
		return nil, fmt.Errorf("store %q: expected one plain name other than \"server\"", name)
	}
	return &store{bucket: s.conn.bucket, name: name}, nil
}

// store is a Store in a bucket, below its name.
type store struct {
	bucket *bucket
	name   string
}

func (s *store) path(key string) (string, error) {
	if err := checkKey(key); err != nil {
		return "", err
	}
	return "store/" + s.name + "/" + key, nil
}

// Get gives a value.
func (s *store) Get(ctx context.Context, key string) ([]byte, time.Time, error) {
	path, err := s.path(key)
	if err != nil {
		return nil, time.Time{}, err
	}
	value, i, err := s.bucket.read(ctx, path)
	if err != nil {
		return nil, time.Time{}, err
	}
	return value, i.Modified, nil
}

// Put writes a value.
func (s *store) Put(ctx context.Context, key string, value []byte) error {
	path, err := s.path(key)
	if err != nil {
		return err
	}
	return s.bucket.write(ctx, path, value, false)
}

// Create writes a new value.
func (s *store) Create(ctx context.Context, key string, value []byte) error {
	path, err := s.path(key)
	if err != nil {
		return err
	}
	return s.bucket.write(ctx, path, value, true)
}

// Delete removes a value.
func (s *store) Delete(ctx context.Context, key string) error {
	path, err := s.path(key)
	if err != nil {
		return err
	}
	for {
		i, err := s.bucket.find(ctx, path)
		if err != nil {
			return err
		}
		if err = s.bucket.remove(ctx, i); !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			return err
		}
	}
}

// List gives entries by key.
func (s *store) List(ctx context.Context, prefix string) ([]Entry, error) {
	base := "store/" + s.name + "/"
	items, err := s.bucket.list(ctx, base+prefix)
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, 0, len(items))
	for _, i := range items {
		entries = append(entries, Entry{Key: strings.TrimPrefix(i.path, base), Size: i.Size, Modified: i.Modified, Created: i.Created})
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) })
	return entries, nil
}
