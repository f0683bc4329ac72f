package comfyapi

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// incoming are the bodies that are being received. Each has a deadline that follows what has come of it: who sends may be slow, but
// must not keep a place in the server while nothing, or next to nothing, arrives.
type incoming struct {
	stall time.Duration
	rate  int64

	mu     sync.Mutex
	bodies map[*incomingBody]struct{}
	ended  bool
}

func newIncoming(l Limits) *incoming {
	return &incoming{stall: l.BodyStall, rate: l.BodyRate, bodies: map[*incomingBody]struct{}{}}
}

// wrap gives the bodies of a handler's requests their deadlines.
func (in *incoming) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		b := &incomingBody{ReadCloser: r.Body, of: in, connection: http.NewResponseController(w), header: w.Header()}
		in.mu.Lock()
		in.bodies[b] = struct{}{}
		in.mu.Unlock()
		defer in.forget(b)
		r.Body = b
		next.ServeHTTP(w, r)
	})
}

func (in *incoming) forget(b *incomingBody) {
	in.mu.Lock()
	defer in.mu.Unlock()
	delete(in.bodies, b)
}

// end cuts off every body that has not come whole: its request is answered with 503.
func (in *incoming) end() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.ended = true
	for b := range in.bodies {
		_ = b.connection.SetReadDeadline(time.Now()) // a connection without deadlines is closed later
	}
}

// incomingBody is the body of one request. It has one reader.
type incomingBody struct {
	io.ReadCloser
	of         *incoming
	connection *http.ResponseController
	header     http.Header
	// received is what has come, waited how long the server has waited for it.
	received int64
	waited   time.Duration
}

// Read reads what has come. Time in which the server does not ask for more is not counted against who sends.
func (b *incomingBody) Read(p []byte) (int, error) {
	left := b.of.stall + time.Duration(float64(b.received)/float64(b.of.rate)*float64(time.Second)) - b.waited
	begin := time.Now()
	if !b.allow(begin.Add(min(b.of.stall, left))) {
		return 0, b.late()
	}
	n, err := b.ReadCloser.Read(p)
	b.received += int64(n)
	b.waited += time.Since(begin)
	switch {
	case errors.Is(err, io.EOF):
		// The server watches from here on whether the client is still there; no deadline belongs to that.
		b.of.forget(b)
		_ = b.connection.SetReadDeadline(time.Time{})
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, b.late()
	}
	return n, err
}

// allow sets the deadline of the next read, unless the server ends.
func (b *incomingBody) allow(until time.Time) bool {
	b.of.mu.Lock()
	defer b.of.mu.Unlock()
	if !b.of.ended {
		_ = b.connection.SetReadDeadline(until) // a recorder of tests has none
	}
	return !b.of.ended
}

// late says why no more is read. The rest of the body cannot be told from a next request, so that the connection ends with the answer.
func (b *incomingBody) late() error {
	b.header.Set("Connection", "close")
	b.of.mu.Lock()
	defer b.of.mu.Unlock()
	if b.of.ended {
		return wrongStatus(http.StatusServiceUnavailable, "the server ends, and the body had not come whole")
	}
	return wrongStatus(http.StatusRequestTimeout, "%d bytes of the body came in %s, and then nothing in time: a body may pause for %s, and has to come with %s a second",
		b.received, b.waited.Round(time.Millisecond), b.of.stall, bytesText(b.of.rate))
}
