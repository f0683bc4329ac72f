package queue

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	sweepEvery = time.Hour
	// sweepAge: younger objects may belong to a writer that is at work.
	sweepAge = time.Hour
)

// What NATS makes an object store of.
var (
	objectStream  = "OBJ_" + objectsBucket
	chunkSubjects = "$O." + objectsBucket + ".C."
	metaSubjects  = "$O." + objectsBucket + ".M."
)

// sweeper removes what nobody needs from the objects' stream.
type sweeper struct {
	bucket *bucket
	stream jetstream.Stream
}

// sweep sweeps at once and then every hour, until ctx ends.
func (c *Conn) sweep(ctx context.Context, log *slog.Logger) {
	for every := time.NewTicker(sweepEvery); ; {
		stream, err := c.js.Stream(ctx, objectStream)
		if err == nil {
			s := &sweeper{c.bucket, stream}
			err = s.sweep(ctx, time.Now().Add(-sweepAge))
		}
		if err != nil && ctx.Err() == nil {
			log.Warn("cannot look for objects that nobody needs", "reason", err.Error())
		}
		select {
		case <-ctx.Done():
			every.Stop()
			return
		case <-every.C:
		}
	}
}

// sweep removes objects older than a time that no entry names, as their writer was killed before it could name them; the parts of
// objects whose writer was killed sooner; and the marks of deleted objects, which NATS keeps for ever.
func (s *sweeper) sweep(ctx context.Context, before time.Time) error {
	// The parts first: what is whole by now was at work then.
	parts, err := s.stream.Info(ctx, jetstream.WithSubjectFilter(chunkSubjects+">"))
	if err != nil {
		return err
	}
	objects, err := s.bucket.objects.List(ctx, jetstream.ListObjectsShowDeleted())
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		return err
	}
	items, err := s.bucket.list(ctx, "")
	if err != nil {
		return err
	}
	named := map[string]bool{}
	for _, i := range items {
		named[i.Object] = true
	}
	whole := map[string]bool{}
	for _, o := range objects {
		switch {
		case o.Deleted:
			err = s.purge(ctx, metaSubjects+base64.URLEncoding.EncodeToString([]byte(o.Name)))
		case !named[o.Name] && o.ModTime.Before(before):
			err = s.bucket.objects.Delete(ctx, o.Name)
		default:
			whole[o.NUID] = true
		}
		if err != nil {
			return err
		}
	}
	for subject := range parts.State.Subjects {
		if whole[strings.TrimPrefix(subject, chunkSubjects)] {
			continue
		}
		last, err := s.stream.GetLastMsgForSubject(ctx, subject)
		if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && !last.Time.Before(before) {
			continue
		}
		if err == nil {
			err = s.purge(ctx, subject)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *sweeper) purge(ctx context.Context, subject string) error {
	if err := s.stream.Purge(ctx, jetstream.WithPurgeSubject(subject)); err != nil {
		return fmt.Errorf("purge %s: %w", subject, err)
	}
	return nil
}
