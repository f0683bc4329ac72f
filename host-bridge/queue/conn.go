package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Remote says how to reach a nats server that exists.
type Remote struct {
	// URL of one or several servers, separated by commas: nats://TOKEN@host:4222.
	URL string
	// Token, where the server wants one and the URL does not hold it.
	Token string
	// Credentials is the path of a .creds file; may be empty.
	Credentials string
	// Name is what the server's list of connections shows.
	Name string
}

func (r Remote) options() []nats.Option {
	options := []nats.Option{nats.Name(r.Name)}
	if r.Token != "" {
		options = append(options, nats.Token(r.Token))
	}
	if r.Credentials != "" {
		options = append(options, nats.UserCredentials(r.Credentials))
	}
	return options
}

// Conn is a connection to the queue's NATS. It comes back by itself when it was lost. Several goroutines may use it.
type Conn struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	prompts jetstream.KeyValue
	workers jetstream.KeyValue
	work    jetstream.Stream
	bucket  *bucket
	log     *slog.Logger

	mu    sync.Mutex
	files *bucketFiles
	// again are called after a lost connection has come back.
	again []func()
}

// Connect connects a worker to the queue of an API server, and waits until both are there or ctx ends. A server that refuses the
// connection is an error at once.
func Connect(ctx context.Context, remote Remote, log *slog.Logger) (*Conn, error) {
	log = orDiscard(log)
	for said := false; ; said = true {
		c, err := connect(remote.URL, log, remote.options()...)
		if err == nil {
			if err = c.bind(ctx); err == nil {
				return c, nil
			}
			c.Close()
		}
		if errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || !comes(err) {
			return nil, unreachable(remote.URL, err)
		}
		if !said {
			log.Info("waiting for the API server's queue", "nats", redact(remote.URL), "reason", err.Error())
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w (%w)", unreachable(remote.URL, err), context.Cause(ctx))
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// comes tells errors that waiting for an API server, or for NATS, may mend.
func comes(err error) bool {
	return passing(err) || errors.Is(err, jetstream.ErrBucketNotFound) || errors.Is(err, jetstream.ErrStreamNotFound)
}

func connect(url string, log *slog.Logger, options ...nats.Option) (*Conn, error) {
	c := &Conn{log: log}
	options = append(options,
		nats.MaxReconnects(-1), nats.ReconnectWait(300*time.Millisecond), nats.ReconnectJitter(200*time.Millisecond, 200*time.Millisecond),
		nats.IgnoreAuthErrorAbort(), // a server that just restarts may refuse for a moment
		nats.PingInterval(10*time.Second), nats.MaxPingsOutstanding(3), nats.Timeout(5*time.Second), nats.ReconnectBufSize(32<<20),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("lost the connection to nats; trying again", "reason", err.Error())
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Info("connected to nats again")
			c.mu.Lock()
			again := c.again
			c.mu.Unlock()
			for _, f := range again {
				f()
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			log.Warn("nats", "reason", err.Error(), "subject", subject)
		}))
	nc, err := nats.Connect(url, options...)
	if err != nil {
		return nil, err
	}
	c.nc = nc
	if c.js, err = jetstream.New(nc, jetstream.WithDefaultTimeout(callTime)); err != nil {
		nc.Close()
		return nil, err
	}
	return c, nil
}

// onReconnect has f called after a lost connection has come back.
func (c *Conn) onReconnect(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.again = append(c.again, f)
}

// Close closes the connection; what was published has been sent.
func (c *Conn) Close() {
	_ = c.nc.FlushTimeout(time.Second) // a server that is gone cannot be told
	c.nc.Close()
}

// setup makes the queue's parts where they are missing.
func (c *Conn) setup(ctx context.Context, replicas int) error {
	var err error
	c.prompts, err = c.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: promptsBucket, Description: "prompts: pending, running, ended", History: 1, Storage: jetstream.FileStorage, Replicas: replicas,
		LimitMarkerTTL: time.Minute,
	})
	if errors.Is(err, jetstream.ErrLimitMarkerTTLNotSupported) {
		return fmt.Errorf("the nats server is version %s; 2.11 or newer is needed", c.nc.ConnectedServerVersion())
	}
	if err != nil {
		return fmt.Errorf("bucket %s: %w", promptsBucket, err)
	}
	c.workers, err = c.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: workersBucket, Description: "workers that live", History: 1, TTL: 4 * deadAfter, Storage: jetstream.FileStorage, Replicas: replicas,
	})
	if err != nil {
		return fmt.Errorf("bucket %s: %w", workersBucket, err)
	}
	c.work, err = c.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: workStream, Description: "one ticket a prompt", Subjects: []string{workSubject}, Retention: jetstream.WorkQueuePolicy,
		Storage: jetstream.FileStorage, Replicas: replicas,
	})
	if err != nil {
		return fmt.Errorf("stream %s: %w", workStream, err)
	}
	_, err = c.work.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: workConsumer, AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait, MaxDeliver: -1, MaxAckPending: -1,
	})
	if err != nil {
		return fmt.Errorf("consumer %s: %w", workConsumer, err)
	}
	index, err := c.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: indexBucket, Description: "settings, user data, and where files are", History: 1, Storage: jetstream.FileStorage, Replicas: replicas,
		LimitMarkerTTL: time.Minute,
	})
	if err != nil {
		return fmt.Errorf("bucket %s: %w", indexBucket, err)
	}
	objects, err := c.js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{
		Bucket: objectsBucket, Description: "files and large values", Storage: jetstream.FileStorage, Replicas: replicas,
	})
	if err != nil {
		return fmt.Errorf("bucket %s: %w", objectsBucket, err)
	}
	c.bucket = &bucket{index: index, objects: objects}
	return nil
}

// bind finds the parts that an API server has made.
func (c *Conn) bind(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, callTime)
	defer stop()
	var err error
	if c.prompts, err = c.js.KeyValue(ctx, promptsBucket); err != nil {
		return fmt.Errorf("bucket %s: %w; is an API server (isac-host serve) there?", promptsBucket, err)
	}
	if c.workers, err = c.js.KeyValue(ctx, workersBucket); err != nil {
		return fmt.Errorf("bucket %s: %w", workersBucket, err)
	}
	if c.work, err = c.js.Stream(ctx, workStream); err != nil {
		return fmt.Errorf("stream %s: %w", workStream, err)
	}
	index, err := c.js.KeyValue(ctx, indexBucket)
	if err != nil {
		return fmt.Errorf("bucket %s: %w", indexBucket, err)
	}
	objects, err := c.js.ObjectStore(ctx, objectsBucket)
	if err != nil {
		return fmt.Errorf("bucket %s: %w", objectsBucket, err)
	}
	c.bucket = &bucket{index: index, objects: objects}
	return nil
}

func orDiscard(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return log
}
