package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats.go"

	"github.com/isac-guidance/isac/host-bridge/migrate"
	"github.com/isac-guidance/isac/host-bridge/store"
)

// Options of Open. Data is needed, all else has a default.
type Options struct {
	// Data is the folder of everything that lasts. One process at a time may have it.
	Data string
	// Listen is an address for workers on this or other machines to connect to the embedded server, with Token: host:port. Empty:
	// nobody outside this process can reach it. Token empty: the one in the data folder, which is made if need be.
	Listen, Token string
	// Remote, where its URL is not empty, is a NATS that exists and is used in place of the embedded one.
	Remote Remote
	// MaxPending bounds the pending prompts; 0 means 1000.
	MaxPending int
	// MaxHistory bounds the ended prompts that are kept; 0 means 10000. The oldest go first.
	MaxHistory int
	// MaxBytes bounds what all records may have together, prompts that have not ended aside; 0 means 256 MiB.
	MaxBytes int
	// Log may be nil.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.MaxPending <= 0 {
		o.MaxPending = 1000
	}
	if o.MaxHistory <= 0 {
		o.MaxHistory = 10000
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 256 << 20
	}
	o.Log = orDiscard(o.Log)
	return o
}

// Server is the API server's side of the queue. Several goroutines may use it. Close has to be called.
type Server struct {
	options  Options
	log      *slog.Logger
	home     string
	lock     *flock.Flock
	embedded *embedded
	conn     *Conn
	journal  *store.Journal
	ledger   *ledger
	files    *store.Disk
	workers  *leases
	notices  *notices
	nodes    *nodes
	numbers  numbers
	trimming chan struct{}

	stop    context.CancelFunc
	work    sync.WaitGroup
	done    chan struct{}
	closing sync.Once
}

// serverValues are the values of the queue itself.
const serverValues = "server"

// Open opens the queue over a data folder: it reads and checks what is there, and starts the embedded NATS server or connects to
// the one that was named. ctx bounds opening alone.
func Open(ctx context.Context, options Options) (_ *Server, err error) {
	options = options.withDefaults()
	s := &Server{options: options, log: options.Log, done: make(chan struct{}), trimming: make(chan struct{}, 1), notices: newNotices()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.lock, err = lockData(options.Data); err != nil {
		return nil, err
	}
	if s.home, err = dataID(options.Data); err != nil {
		return nil, err
	}
	if s.journal, err = store.OpenJournal(options.Data, s.log); err != nil {
		return nil, err
	}
	if s.files, err = store.OpenDisk(options.Data); err != nil {
		return nil, err
	}
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	if err := s.alone(ctx); err != nil {
		return nil, err
	}
	if err := s.migrate(ctx); err != nil {
		return nil, err
	}
	if s.ledger, err = openLedger(s.journal, s.changed, s.log); err != nil {
		return nil, err
	}
	if err := s.recover(); err != nil {
		return nil, fmt.Errorf("recover what ran when the last process ended: %w", err)
	}
	if s.nodes, err = newNodes(s); err != nil {
		return nil, err
	}
	s.workers = newLeases(s.log)
	s.conn.onReconnect(s.workers.begin)
	background, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.goes(func() { s.notices.run(s.done) })
	s.goes(func() { s.housekeep(background) })
	return s, s.listen()
}

// migrate brings over what versions before the ledger kept in NATS.
func (s *Server) migrate(ctx context.Context) error {
	target := migrate.Target{
		Home: s.home, Journal: s.journal, Files: s.files, Record: func(id string) string { return recordPrefix + id }, Log: s.log,
	}
	if s.embedded == nil {
		return migrate.Remote(ctx, s.conn.nc, target)
	}
	return migrate.Embedded(ctx, s.options.Data, target)
}

// changed is called with every change of the ledger.
func (s *Server) changed(old, now *Record) {
	s.notices.add(changed(old, now)...)
	if now != nil && now.State.Ended() {
		nudge(s.trimming)
	}
}

// connect starts the embedded server or dials the one that exists.
func (s *Server) connect(ctx context.Context) error {
	var err error
	if s.options.Remote.URL != "" {
		if s.options.Listen != "" {
			return errors.New("an address to listen on is for the embedded nats server, and another one was named; give one of them")
		}
		s.conn, err = connect(s.options.Remote.URL, s.log, s.options.Remote.options()...)
		if err != nil {
			return unreachable(s.options.Remote.URL, err)
		}
		return ctx.Err()
	}
	if s.embedded, err = startEmbedded(s.options.Data, s.options.Listen, s.options.Token, s.log); err != nil {
		return err
	}
	s.conn, err = connect(nats.DefaultURL, s.log, s.embedded.options()...)
	if err != nil {
		return fmt.Errorf("connect to the embedded nats server: %w", err)
	}
	return ctx.Err()
}

// alone makes sure that no other API server answers on this NATS: each would give away prompts of its own.
func (s *Server) alone(ctx context.Context) error {
	if s.embedded != nil {
		return nil
	}
	ctx, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	var h hello
	if err := s.conn.ask(ctx, helloSubject, struct{}{}, &h); err == nil {
		return fmt.Errorf("another isac-host serve answers on the nats at %s; stop it, or give each an account of its own", redact(s.options.Remote.URL))
	}
	return nil
}

// goes starts a goroutine that Close waits for.
func (s *Server) goes(f func()) {
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		f()
	}()
}

// Conn is the connection, for a worker in this process.
func (s *Server) Conn() *Conn { return s.conn }

// WorkerURL is what a worker on this machine needs to connect to the embedded server; empty where that does not listen. It holds the
// token.
func (s *Server) WorkerURL() string {
	if s.embedded == nil {
		return ""
	}
	return s.embedded.url()
}

// Close ends the connection and the embedded server. What is stored stays. A second Close does nothing.
func (s *Server) Close() (err error) {
	s.closing.Do(func() { err = s.close() })
	return err
}

func (s *Server) close() error {
	if s.stop != nil {
		s.stop()
		close(s.done)
	}
	if s.conn != nil {
		s.conn.Close() // before what its subscriptions write to
	}
	s.work.Wait()
	if s.embedded != nil {
		s.embedded.close()
	}
	var failed []error
	if s.files != nil {
		failed = append(failed, s.files.Close())
	}
	if s.journal != nil {
		failed = append(failed, s.journal.Close())
	}
	if s.lock != nil {
		failed = append(failed, s.lock.Close())
	}
	return errors.Join(failed...)
}

// Values gives the values of a name, such as settings; equal names give equal values.
func (s *Server) Values(name string) (store.Values, error) {
	if name == serverValues {
		return nil, fmt.Errorf("the values %q are the queue's own; expected another name", name)
	}
	return s.journal.Values(name)
}

// Files are the files that nodes made, and uploads.
func (s *Server) Files() store.Files { return s.files }
