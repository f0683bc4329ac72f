package queue

import (
	"context"
	"errors"
	"path"

	"github.com/nats-io/nats.go/jetstream"
)

// retention bounds what the store holds of files that lie on the disk as well, oldest first.
type retention struct {
	limit, total int64
	sizes        map[string]int64
	order        []string
}

func (s *retention) clear() { s.total, s.sizes, s.order = 0, map[string]int64{}, nil }

// note takes note of a file; one of no size is not in the store.
func (s *retention) note(path string, size int64) {
	before, known := s.sizes[path]
	s.total += size - before
	switch {
	case size == 0:
		delete(s.sizes, path) // its place in the order is passed over
	default:
		s.sizes[path] = size
		if !known {
			s.order = append(s.order, path)
		}
	}
}

// surplus takes the oldest file away; empty where all fit.
func (s *retention) surplus() string {
	for s.total > s.limit && len(s.order) > 0 {
		oldest := s.order[0]
		s.order = s.order[1:]
		if _, held := s.sizes[oldest]; held {
			s.note(oldest, 0)
			return oldest
		}
	}
	return ""
}

// retain notes a file that is where it belongs, and lets the oldest ones lie on the disk alone where they are too many. Uploads stay
// in the store, where workers of other machines find them.
func (t *toDisk) retain(i *item) {
	kind, _, _ := splitPath(i.path)
	if i.Home != t.home || i.Stale || kind == inputKind {
		return
	}
	size := i.Size + 1 // an empty file is a value too
	if i.only() {
		size = 0
	}
	t.retention.note(i.path, size)
	for at := t.retention.surplus(); at != ""; at = t.retention.surplus() {
		if err := t.thin(t.ctx, at); err != nil && t.ctx.Err() == nil {
			t.log.Warn("a file stays in the queue's store, which holds too many", "file", at, "reason", err.Error())
		}
	}
}

// thin takes a file out of the store that lies on the disk.
func (d *diskFiles) thin(ctx context.Context, at string) error {
	i, err := d.bucket.find(ctx, at)
	if err != nil || i.Home != d.home || i.Stale || i.only() {
		return ignoreMissing(err)
	}
	kind, folder, name := splitPath(at)
	info, err := d.roots[kind].Stat(path.Join(folder, name))
	if err != nil || info.Size() != i.Size { // somebody has changed it: ours is the only one
		return ignoreMissing(err)
	}
	object := i.Object
	i.Object, i.Inline = "", nil
	if err := d.bucket.update(ctx, i); err != nil {
		if errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			return nil // there will be another notice
		}
		return err
	}
	if object != "" {
		_ = d.bucket.objects.Delete(ctx, object) // else the sweep finds it
	}
	return nil
}
