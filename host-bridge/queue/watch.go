package queue

import (
	"context"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// follower receives what a bucket holds and each change of it.
type follower interface {
	// put and removed are the events of one key.
	put(entry jetstream.KeyValueEntry)
	removed(key string, revision uint64)
	// begin comes before a full account of the bucket, complete after it: keys that were not put in between are gone.
	begin()
	complete()
}

// follow passes to a follower all of a bucket's keys that match, and every change, until ctx ends. After again it begins anew, as a
// connection that was lost may have missed things, or found another server. complete is called once before follow first blocks
// for changes.
func follow(ctx context.Context, kv jetstream.KeyValue, keys string, f follower, again <-chan struct{}, log *slog.Logger) {
	for ctx.Err() == nil {
		watcher, err := kv.Watch(ctx, keys)
		if err != nil {
			if ctx.Err() == nil {
				log.Warn("cannot watch a bucket; trying again", "bucket", kv.Bucket(), "reason", err.Error())
			}
			wait(ctx, 500*time.Millisecond)
			continue
		}
		f.begin()
		anew := false
		for !anew {
			select {
			case <-ctx.Done():
				anew = true
			case <-again:
				anew = true
			case entry, open := <-watcher.Updates():
				switch {
				case !open:
					anew = true
					wait(ctx, 200*time.Millisecond)
				case entry == nil:
					f.complete()
				case entry.Operation() == jetstream.KeyValuePut:
					f.put(entry)
				default:
					f.removed(entry.Key(), entry.Revision())
				}
			}
		}
		_ = watcher.Stop() // fails where the connection is gone, and the watch with it
	}
}

// wait waits, or less if ctx ends.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
