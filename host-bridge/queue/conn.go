package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/isac-guidance/isac/host-bridge/internal/reach"
	"github.com/isac-guidance/isac/host-bridge/store"
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

// Conn is a worker's connection to the API server's queue. It comes back by itself when it was lost. Several goroutines may use it.
type Conn struct {
	nc  *nats.Conn
	log *slog.Logger

	mu sync.Mutex
	// again are called after a lost connection has come back.
	again []func()
}

// Connect connects a worker to the queue of an API server, and waits until both NATS and that are there or ctx ends. A NATS that refuses the
// connection, or an API server of another version, is an error at once.
func Connect(ctx context.Context, remote Remote, log *slog.Logger) (*Conn, error) {
	log = orDiscard(log)
	for said := false; ; said = true {
		c, err := connect(remote.URL, log, remote.options()...)
		if err == nil {
			if err = c.greet(ctx); err == nil {
				return c, nil
			}
			c.Close()
		}
		if !reach.Passing(err) {
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

// greet asks whether an API server is there that speaks as this worker does.
func (c *Conn) greet(ctx context.Context) error {
	var h hello
	if err := c.ask(ctx, helloSubject, struct{}{}, &h); err != nil {
		return fmt.Errorf("%w; is an API server (isac-host serve) there?", err)
	}
	if h.Protocol != protocol {
		return fmt.Errorf("the API server speaks version %d of the queue's protocol, and this worker version %d; use one release of isac-host for both", h.Protocol, protocol)
	}
	return nil
}

// ask asks the API server something.
func (c *Conn) ask(ctx context.Context, subject string, question, answer any) error {
	text, err := json.Marshal(question)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, callTime)
	defer stop()
	reply, err := c.nc.RequestWithContext(ctx, subject, text)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(reply.Data, answer); err != nil {
		return fmt.Errorf("the API server's answer cannot be read: %w", err)
	}
	return nil
}

// Files are where a worker's nodes write: in the API server's data folder.
func (c *Conn) Files() store.Writer { return store.NewRemote(c.nc, c.log) }

// Inputs are where a worker's nodes read: the same folder.
func (c *Conn) Inputs() store.Reader { return store.NewRemote(c.nc, c.log) }

func connect(url string, log *slog.Logger, options ...nats.Option) (*Conn, error) {
	c := &Conn{log: log}
	url, secure, err := pins(url)
	if err != nil {
		return nil, err
	}
	options = append(append(options, secure...),
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

func orDiscard(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return log
}
