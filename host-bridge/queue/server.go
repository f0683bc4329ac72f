package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats.go"

	"github.com/isac-guidance/isac/host-bridge/message"
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
	// Replicas of everything stored, in a cluster; 0 means 1.
	Replicas int
	// MaxPending bounds the pending prompts; 0 means 1000.
	MaxPending int
	// MaxHistory bounds the ended prompts that are kept; 0 means 10000. The oldest go first.
	MaxHistory int
	// MaxBytes bounds what all records may take, prompts that have not ended aside; 0 means 256 MiB.
	MaxBytes int
	// MaxKept bounds what is stored in NATS of outputs that lie in the data folder as well, in bytes; 0 means 1 GiB. Of older ones the
	// data folder has the only copy.
	MaxKept int64
	// Log may be nil.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Replicas <= 0 {
		o.Replicas = 1
	}
	if o.MaxPending <= 0 {
		o.MaxPending = 1000
	}
	if o.MaxHistory <= 0 {
		o.MaxHistory = 10000
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 256 << 20
	}
	if o.MaxKept <= 0 {
		o.MaxKept = 1 << 30
	}
	o.Log = orDiscard(o.Log)
	return o
}

// Server is the API server's side of the queue. Several goroutines may use it. Close has to be called.
type Server struct {
	options  Options
	log      *slog.Logger
	lock     *flock.Flock
	embedded *embedded
	conn     *Conn
	replica  *replica
	workers  *leases
	relay    *relay
	nodes    *nodes
	files    *diskFiles
	trimming chan struct{}

	stop    context.CancelFunc
	work    sync.WaitGroup
	done    chan struct{}
	closing sync.Once

	// putting is held while a prompt is counted and put.
	putting sync.Mutex
	numbers numbers
}

// Open opens the queue over a data folder: it starts the embedded server or connects to the one that was named, and reads
// what is there. ctx bounds opening alone.
func Open(ctx context.Context, options Options) (_ *Server, err error) {
	options = options.withDefaults()
	s := &Server{options: options, log: options.Log, done: make(chan struct{}), trimming: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if s.lock, err = lockData(options.Data); err != nil {
		return nil, err
	}
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	if err := s.conn.setup(ctx, options.Replicas); err != nil {
		return nil, fmt.Errorf("set up the queue: %w", err)
	}
	background, stop := context.WithCancel(context.Background())
	s.stop = stop
	if err := s.follow(ctx, background); err != nil {
		return nil, err
	}
	if s.files, err = openDisk(ctx, options.Data, options.MaxKept, s.conn.bucket, s.log); err != nil {
		return nil, err
	}
	if err := s.recover(ctx); err != nil {
		return nil, fmt.Errorf("recover what ran when the last process ended: %w", err)
	}
	s.nodes = newNodes(s)
	s.goes(func() { s.files.run(background, s.conn) })
	s.goes(func() { s.conn.sweep(background, s.log) })
	s.goes(func() { s.housekeep(background) })
	return s, nil
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

// follow begins to listen, and waits until what was there is known.
func (s *Server) follow(ctx, background context.Context) error {
	s.relay = newRelay(func(id string) (*Record, bool) { return s.replica.record(id) })
	s.replica = newReplica(true, func(old, now *Record) {
		select {
		case <-s.replica.ready:
			s.relay.push(func() { s.relay.changed(old, now) })
		default:
			if now != nil {
				s.relay.push(func() { s.relay.existed(now) })
			}
		}
		if now != nil && now.State.Ended() {
			select {
			case s.trimming <- struct{}{}:
			default:
			}
		}
	}, s.log)
	s.workers = newLeases(s.log)
	sub, err := s.conn.nc.Subscribe(eventSubject+"*", func(m *nats.Msg) {
		if e, ok := readEvent(m); ok {
			s.relay.push(func() { s.relay.event(e) })
		}
	})
	if err != nil {
		return fmt.Errorf("listen to workers: %w", err)
	}
	if err := sub.SetPendingLimits(-1, 256<<20); err != nil {
		return fmt.Errorf("listen to workers: %w", err)
	}
	prompts, beats := make(chan struct{}, 1), make(chan struct{}, 1)
	s.conn.onReconnect(func() { nudge(prompts); nudge(beats) })
	s.goes(func() { s.relay.run(s.done) })
	s.goes(func() { follow(background, s.conn.prompts, ">", s.replica, prompts, s.log) })
	s.goes(func() { follow(background, s.conn.workers, ">", s.workers, beats, s.log) })
	for _, ready := range []chan struct{}{s.replica.ready, s.workers.ready} {
		select {
		case <-ready:
		case <-ctx.Done():
			return fmt.Errorf("read the queue: %w", context.Cause(ctx))
		}
	}
	return nil
}

func nudge(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// goes starts a goroutine that Close waits for.
func (s *Server) goes(f func()) {
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		f()
	}()
}

// readEvent reads what Publisher wrote.
func readEvent(m *nats.Msg) (event, bool) {
	e := event{id: m.Subject[len(eventSubject):]}
	var err error
	if e.attempt, err = strconv.Atoi(m.Header.Get(attemptHeader)); err != nil {
		return e, false
	}
	if e.number, err = strconv.Atoi(m.Header.Get(numberHeader)); err != nil {
		return e, false
	}
	if format := m.Header.Get(formatHeader); format != "" {
		e.preview = &Preview{PromptID: e.id, NodeID: m.Header.Get(nodeHeader), Format: format, Data: m.Data}
		return e, true
	}
	e.message = &message.Message{Type: m.Header.Get(typeHeader), Data: m.Data}
	return e, e.message.Type != ""
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
	s.work.Wait()
	if s.conn != nil {
		s.conn.Close()
	}
	if s.embedded != nil {
		s.embedded.close()
	}
	if s.files != nil {
		s.files.close()
	}
	if s.lock != nil {
		return s.lock.Close()
	}
	return nil
}
