// Package migrate brings over, once, what versions before the ledger kept in NATS JetStream: prompts and history, settings and user
// data, and files that lay nowhere else. What is there is read and left as it is: the embedded server's folder gets another name, and a
// NATS server of one's own a mark, so that nobody brings it over twice.
package migrate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/isac-guidance/isac/host-bridge/store"
)

// What those versions called their parts.
const (
	promptsBucket = "isac_prompts"
	indexBucket   = "isac_index"
	objectsBucket = "isac_objects"
	// movedKey is the mark; as a key of the index it is none of theirs.
	movedKey = "moved"
)

// Target is where everything goes.
type Target struct {
	// Home is the id of the data folder: of files that are known to lie there nothing is brought over.
	Home    string
	Journal *store.Journal
	Files   *store.Disk
	// Record is the key of a prompt's record in the journal.
	Record func(id string) string
	Log    *slog.Logger
}

// markPrefix is how the keys begin under which the journal notes what was brought over.
const markPrefix = "migrated/"

// Remote brings over what lies in a NATS server or cluster, if it has not been before. One without JetStream has nothing.
func Remote(ctx context.Context, nc *nats.Conn, t Target) error {
	const mark = markPrefix + "nats"
	if t.Journal.Has(mark) {
		return nil
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, time.Hour)
	defer stop()
	old, err := open(ctx, js)
	switch {
	case err != nil:
		return fmt.Errorf("look in nats for what an older version left: %w", err)
	case old == nil:
		return t.Journal.Put(mark, []byte("nothing"))
	}
	if by, err := old.index.Get(ctx, movedKey); err == nil {
		t.Log.Warn("what an older version left in nats was brought over into another data folder before, and is not again", "folder_id", string(by.Value()))
		return t.Journal.Put(mark, []byte("elsewhere"))
	}
	if err := old.bring(ctx, t, mark); err != nil {
		return fmt.Errorf("bring over what an older version left in nats: %w", err)
	}
	if _, err := old.index.Put(ctx, movedKey, []byte(t.Home)); err != nil {
		t.Log.Warn("cannot mark in nats that what an older version left there was brought over", "reason", err.Error())
	}
	t.Log.Info("what an older version left in nats was brought over into the data folder; "+
		"its buckets isac_prompts, isac_index, isac_objects, isac_workers and its stream isac_work are not needed any more", "prompts", old.prompts, "values", old.values, "files", old.files)
	return nil
}

// source is what an older version left.
type source struct {
	records, index jetstream.KeyValue
	objects        jetstream.ObjectStore
	// What was brought over.
	prompts, values, files int
}

// open finds the parts; nil where there are none.
func open(ctx context.Context, js jetstream.JetStream) (*source, error) {
	finding, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	s := &source{}
	var err error
	s.records, err = js.KeyValue(finding, promptsBucket)
	for _, absent := range []error{jetstream.ErrBucketNotFound, jetstream.ErrJetStreamNotEnabled, jetstream.ErrJetStreamNotEnabledForAccount, nats.ErrNoResponders} {
		if errors.Is(err, absent) {
			return nil, nil
		}
	}
	if err != nil {
		return nil, err
	}
	if s.index, err = js.KeyValue(finding, indexBucket); err != nil {
		return nil, err
	}
	s.objects, err = js.ObjectStore(finding, objectsBucket)
	return s, err
}

// bring copies everything, and the mark last.
func (s *source) bring(ctx context.Context, t Target, mark string) error {
	err := t.Journal.Batch(func() error {
		return errors.Join(
			each(ctx, s.records, func(key string, value []byte) error { return s.record(t, key, value) }),
			each(ctx, s.index, func(key string, value []byte) error { return s.item(ctx, t, key, value) }))
	})
	if err != nil {
		return err
	}
	return t.Journal.Put(mark, []byte("done"))
}

// each calls fn with what a bucket holds.
func each(ctx context.Context, kv jetstream.KeyValue, fn func(key string, value []byte) error) error {
	watcher, err := kv.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return fmt.Errorf("bucket %s: %w", kv.Bucket(), err)
	}
	defer func() { _ = watcher.Stop() }()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("bucket %s: %w", kv.Bucket(), context.Cause(ctx))
		case entry, open := <-watcher.Updates():
			if !open {
				return fmt.Errorf("bucket %s: the connection was closed", kv.Bucket())
			}
			if entry == nil {
				return nil
			}
			if err := fn(entry.Key(), entry.Value()); err != nil {
				return fmt.Errorf("bucket %s: %w", kv.Bucket(), err)
			}
		}
	}
}

func (s *source) record(t Target, key string, value []byte) error {
	var r struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(value, &r); err != nil || r.ID != key {
		t.Log.Error("a prompt of an older version cannot be read; it is left out", "key", key, "reason", err)
		return nil
	}
	s.prompts++
	return t.Journal.Put(t.Record(key), value)
}

// item is an entry of the index.
type item struct {
	Created  time.Time `json:"created"`
	Modified time.Time `json:"modified"`
	Object   string    `json:"object"`
	Inline   []byte    `json:"inline"`
	Home     string    `json:"home"`
	Stale    bool      `json:"stale"`
}

func (s *source) item(ctx context.Context, t Target, key string, text []byte) error {
	var i item
	path, ok := decodeKey(key)
	if err := json.Unmarshal(text, &i); err != nil || !ok {
		t.Log.Error("an entry of an older version cannot be read; it is left out", "key", key, "reason", err)
		return nil
	}
	kind, rest, _ := strings.Cut(path, "/")
	name, rest, _ := strings.Cut(rest, "/")
	// Files that lie where they belong, and temporary ones, are not brought over; nor are those of which there is no content.
	if kind == "file" && (name == "temp" || i.Home == t.Home && !i.Stale || i.Object == "" && i.Inline == nil) {
		return nil
	}
	value := i.Inline
	if i.Object != "" {
		var err error
		value, err = s.objects.GetBytes(ctx, i.Object)
		if errors.Is(err, jetstream.ErrObjectNotFound) {
			t.Log.Error("the content of an entry of an older version is gone; it is left out", "path", path)
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	switch kind {
	case "store":
		s.values++
		return t.Journal.Import(name, store.Entry{Key: rest, Created: i.Created, Modified: i.Modified}, value)
	case "file":
		folder, base := "", rest
		if at := strings.LastIndexByte(rest, '/'); at >= 0 {
			folder, base = rest[:at], rest[at+1:]
		}
		err := t.Files.Import(name, folder, base, i.Stale, value)
		if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrInvalid) {
			t.Log.Warn("a file of an older version is left out", "file", path, "reason", err.Error())
			return nil
		}
		s.files++
		return err
	}
	return nil
}
