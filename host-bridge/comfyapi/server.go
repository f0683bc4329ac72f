package comfyapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/isac-guidance/isac/host-bridge/queue"
	"github.com/isac-guidance/isac/host-bridge/store"
)

// Server serves ComfyUI's API over a queue.
type Server struct {
	config   Config
	queue    Queue
	log      *slog.Logger
	hub      *hub
	nodes    nodeList
	ended    endedJobs
	metrics  *metrics
	handler  http.Handler
	http     *http.Server
	tls      *certificate // nil: plain HTTP
	page     *page
	userdata store.Values
	settings store.Values
	users    store.Values
	// saving keeps what is read, changed and written again (settings, files of one name) from meeting itself.
	saving sync.Mutex
	// incoming are the bodies that are being received.
	incoming *incoming
	// uploads is full while as many large uploads as may be are in memory.
	uploads chan struct{}
	// pictures is the memory for pictures that are decoded.
	pictures room

	mu       sync.Mutex
	listener net.Listener
	number   float64 // of the next prompt that gives none
}

// New makes a server and has the queue tell it what happens. It listens to nobody yet.
func New(config Config, q Queue) (*Server, error) {
	config = config.withDefaults()
	certificate, err := config.certificate()
	if err := errors.Join(config.check(), err); err != nil {
		return nil, fmt.Errorf("api server: %w", err)
	}
	s := &Server{config: config, queue: q, tls: certificate, log: config.Log, uploads: make(chan struct{}, config.Limits.Uploads),
		pictures: room{size: int64(config.Limits.ImagePixels) * bytesPerPixel}}
	for name, values := range map[string]*store.Values{"userdata": &s.userdata, "settings": &s.settings, "users": &s.users} {
		if *values, err = q.Values(name); err != nil {
			return nil, fmt.Errorf("api server: store of %s: %w", name, err)
		}
	}
	if s.page, err = newPage(config.Page); err != nil {
		return nil, fmt.Errorf("api server: the page: %w", err)
	}
	s.number = nextNumber(q)
	s.metrics = newMetrics(q)
	s.hub = newHub(config.Limits, s.metrics, s.log, q, config.features())
	config.Logs.follow(s.hub.logs)
	mux := s.routes()
	s.incoming = newIncoming(config.Limits)
	s.handler = s.watch(newGuard(config).wrap(s.incoming.wrap(mux)))
	s.http = &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       5 * time.Minute, // of what no handler reads; else incoming goes by what comes
		WriteTimeout:      10 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	q.Subscribe(s.hear)
	return s, nil
}

// nextNumber is above the numbers of all prompts that are there, so that a server which starts again goes on where it was. Numbers
// that clients chose freely, far above, do not count.
func nextNumber(q Queue) float64 {
	const farAbove = 1 << 40
	highest := -1.0
	running, pending := q.Snapshot()
	for _, records := range [][]*queue.Record{q.History(), running, pending} {
		for _, r := range records {
			if r.Number < farAbove {
				highest = max(highest, math.Abs(r.Number))
			}
		}
	}
	return math.Floor(highest) + 1
}

// hear takes a notice of the queue. It must not block.
func (s *Server) hear(n queue.Notice) {
	s.metrics.hear(n)
	s.hub.hear(n)
}

// Handler answers all requests; for tests, and for hosts that listen by themselves.
func (s *Server) Handler() http.Handler { return s.handler }

// Listen takes the address. After it URL tells it, and connections wait until Serve.
func (s *Server) Listen() error {
	l, err := net.Listen("tcp", s.config.Listen)
	if err != nil {
		return fmt.Errorf("api server: %w; give another address, or end what has this one", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listener = l
	return nil
}

// URL is where a browser on this machine opens the page, without the token; empty before Listen.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return ""
	}
	addr := s.listener.Addr().(*net.TCPAddr)
	host := addr.IP.String()
	if addr.IP.IsUnspecified() {
		host = "localhost"
	}
	scheme := "http"
	if s.tls != nil {
		scheme = "https"
	}
	return (&url.URL{Scheme: scheme, Host: net.JoinHostPort(host, fmt.Sprint(addr.Port)), Path: "/"}).String()
}

// PageURL is URL with the token, if one is wanted: what a person opens.
func (s *Server) PageURL() string {
	u := s.URL()
	if s.config.Token != "" && u != "" {
		u += "?token=" + url.QueryEscape(s.config.Token)
	}
	return u
}

// Serve answers until Shutdown, after which it returns nil.
func (s *Server) Serve() error {
	s.mu.Lock()
	l := s.listener
	s.mu.Unlock()
	if l == nil {
		if err := s.Listen(); err != nil {
			return err
		}
		l = s.listener
	}
	if s.tls != nil {
		l = tls.NewListener(l, s.tls.config())
	}
	if err := s.http.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("api server: %w", err)
	}
	return nil
}

// What an orderly end leaves to requests that are under way: sendTime to send the rest of their bodies, then as much again to be
// answered and to take the answer.
const sendTime = time.Second

// Shutdown takes no new connections, lets requests end that are under way, tells the sockets goodbye once they have what waits for
// them, and returns. A request that has not come whole after a second is answered with 503, and what is not done after two, or when ctx
// ends, is cut off: neither is an error, for a client that sends or reads slowly must not keep the server from its end.
func (s *Server) Shutdown(ctx context.Context) error {
	s.config.Logs.follow(nil)
	late := time.AfterFunc(sendTime, s.incoming.end)
	defer late.Stop()
	short, stop := context.WithTimeout(ctx, 2*sendTime)
	defer stop()
	err := s.http.Shutdown(short)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		s.log.Info("requests that were under way are cut off")
		err = s.http.Close()
	}
	s.hub.close(ctx)
	if err != nil {
		return fmt.Errorf("api server: shutdown: %w", err)
	}
	return nil
}

// notThere says whether an error means that there is no such thing.
func notThere(err error) bool { return errors.Is(err, fs.ErrNotExist) }
