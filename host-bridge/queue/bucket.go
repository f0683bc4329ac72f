package queue

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// inlineBytes is up to which size a value lies in the index itself; larger ones are objects.
const inlineBytes = 16 << 10

// bucket holds values of any size under paths: an index of small entries, which change by compare-and-set, and the objects that
// they name.
type bucket struct {
	index   jetstream.KeyValue
	objects jetstream.ObjectStore
}

// item is one entry of the index.
type item struct {
	Size     int64     `json:"size"`
	Created  time.Time `json:"created"`
	Modified time.Time `json:"modified"`
	// Object holds the value, else Inline does. A file that lies only on a disk has neither.
	Object string `json:"object,omitempty"`
	Inline []byte `json:"inline,omitempty"`
	// ID is the writer's own, by which it knows its entry again where the confirmation was lost.
	ID string `json:"id,omitempty"`
	// Home is the data folder on whose disk the file lies as well; Stale says that it holds an older version there.
	Home  string `json:"home,omitempty"`
	Stale bool   `json:"stale,omitempty"`

	path     string
	revision uint64
}

// only says that the value is nowhere but on the disk of its home.
func (i *item) only() bool { return i.Object == "" && i.Inline == nil }

// find gives an entry; fs.ErrNotExist where there is none.
func (b *bucket) find(ctx context.Context, path string) (*item, error) {
	entry, err := b.index.Get(ctx, encodeKey(path))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return readItem(entry)
}

func readItem(entry jetstream.KeyValueEntry) (*item, error) {
	path, err := decodeKey(entry.Key())
	if err != nil {
		return nil, err
	}
	i := &item{path: path, revision: entry.Revision()}
	if err := json.Unmarshal(entry.Value(), i); err != nil {
		return nil, fmt.Errorf("%s: its entry cannot be read: %w", path, err)
	}
	return i, nil
}

// read gives a value and its entry.
func (b *bucket) read(ctx context.Context, path string) ([]byte, *item, error) {
	const tries = 5
	ctx, stop := context.WithTimeout(ctx, objectTime)
	defer stop()
	var failed error
	for range tries {
		i, err := b.find(ctx, path)
		if err != nil {
			return nil, nil, err
		}
		if i.Object == "" {
			return i.Inline, i, nil
		}
		value, err := b.objects.GetBytes(ctx, i.Object)
		if err == nil {
			return value, i, nil
		}
		if failed = err; !errors.Is(err, jetstream.ErrObjectNotFound) {
			break
		} // else it was replaced in between
	}
	return nil, nil, fmt.Errorf("%s: %w", path, failed)
}

// write writes a value. With mustBeNew it is fs.ErrExist that there is one.
func (b *bucket) write(ctx context.Context, path string, value []byte, mustBeNew bool) (err error) {
	fresh, err := b.hold(ctx, path, value)
	if err != nil {
		return err
	}
	defer func() { b.discard(ctx, fresh, err) }()
	if mustBeNew {
		return b.create(ctx, path, fresh)
	}
	for {
		before, err := b.find(ctx, path)
		if errors.Is(err, fs.ErrNotExist) {
			err = b.create(ctx, path, fresh)
			if errors.Is(err, fs.ErrExist) {
				continue
			}
			return err
		}
		if err != nil {
			return err
		}
		if before.ID == fresh.ID {
			return nil // written, only that the confirmation was lost
		}
		fresh.Created, fresh.Home, fresh.Stale = before.Created, before.Home, before.Home != ""
		fresh.path, fresh.revision = path, before.revision
		err = b.update(ctx, fresh)
		if errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			continue
		}
		if err == nil && before.Object != "" {
			_ = b.objects.Delete(ctx, before.Object)
		}
		return err
	}
}

// hold makes the entry of a value that is not there yet, and stores what is too large for it.
func (b *bucket) hold(ctx context.Context, path string, value []byte) (*item, error) {
	now := time.Now().UTC()
	fresh := &item{Size: int64(len(value)), Created: now, Modified: now, ID: rand.Text(), path: path}
	if len(value) <= inlineBytes {
		if fresh.Inline = value; value == nil {
			fresh.Inline = []byte{}
		}
		return fresh, nil
	}
	fresh.Object = fresh.ID
	ctx, stop := context.WithTimeout(ctx, objectTime)
	defer stop()
	if _, err := b.objects.PutBytes(ctx, fresh.Object, value); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return fresh, nil
}

// discard deletes the object of an entry that was certainly not written. Where it may have been, the object stays: the sweep finds
// it if nobody names it.
func (b *bucket) discard(ctx context.Context, fresh *item, err error) {
	if fresh.Object != "" && (errors.Is(err, fs.ErrExist) || errors.Is(err, jetstream.ErrKeyRevisionMismatch)) {
		_ = b.objects.Delete(context.WithoutCancel(ctx), fresh.Object)
	}
}

func (b *bucket) create(ctx context.Context, path string, i *item) error {
	text, err := json.Marshal(i)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	_, err = b.index.Create(ctx, encodeKey(path), text)
	if errors.Is(err, jetstream.ErrKeyExists) {
		if there, err := b.find(ctx, path); err == nil && i.ID != "" && there.ID == i.ID {
			return nil // written before, only that the confirmation was lost
		}
		return fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// update writes an entry in place of the revision that it holds.
func (b *bucket) update(ctx context.Context, i *item) error {
	text, err := json.Marshal(i)
	if err != nil {
		return fmt.Errorf("%s: %w", i.path, err)
	}
	if i.revision, err = b.index.Update(ctx, encodeKey(i.path), text, i.revision); err != nil {
		return fmt.Errorf("%s: %w", i.path, err)
	}
	return nil
}

// remove removes an entry that was found, and its object; jetstream.ErrKeyRevisionMismatch where it has changed since.
func (b *bucket) remove(ctx context.Context, i *item) error {
	err := b.index.Purge(ctx, encodeKey(i.path), jetstream.LastRevision(i.revision), jetstream.PurgeTTL(markerTime))
	if err != nil {
		return fmt.Errorf("%s: %w", i.path, err)
	}
	if i.Object != "" {
		_ = b.objects.Delete(ctx, i.Object) // else the sweep finds it
	}
	return nil
}

// list gives the entries whose paths begin with prefix.
func (b *bucket) list(ctx context.Context, prefix string) ([]*item, error) {
	watcher, err := b.index.Watch(ctx, filterOf(prefix), jetstream.IgnoreDeletes())
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", prefix, err)
	}
	defer func() { _ = watcher.Stop() }()
	var items []*item
	for {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("list %s: %w", prefix, context.Cause(ctx))
		case entry, open := <-watcher.Updates():
			if !open {
				return nil, fmt.Errorf("list %s: the connection was closed", prefix)
			}
			if entry == nil {
				return items, nil
			}
			i, err := readItem(entry)
			if err != nil {
				return nil, err
			}
			if strings.HasPrefix(i.path, prefix) {
				items = append(items, i)
			}
		}
	}
}
