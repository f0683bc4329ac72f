package comfyapi

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
)

// watch counts and logs requests, and keeps a panic to the request that had it. Tokens are in queries and headers, which are not
// logged.
func (s *Server) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		seen := &seen{ResponseWriter: w, route: "refused"}
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.log.Error("panic in a request", "method", r.Method, "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				if seen.status == 0 && !seen.hijacked {
					fail(seen, http.StatusInternalServerError, "internal", fmt.Sprintf("this is a mistake of the host: %v", p))
				}
			}
			status := seen.status
			if status == 0 {
				status = http.StatusOK
			}
			if seen.hijacked {
				status = http.StatusSwitchingProtocols
			}
			s.metrics.request(seen.route, status)
			s.log.Debug("request", "method", r.Method, "path", r.URL.Path, "status", status, "bytes", seen.bytes,
				"ms", float64(time.Since(begin).Microseconds())/1000, "from", r.RemoteAddr)
		}()
		// Clients write preview=webp;90 as it stands. Package url takes a semicolon for an old separator, and drops what is around it.
		r.URL.RawQuery = strings.ReplaceAll(r.URL.RawQuery, ";", "%3B")
		next.ServeHTTP(seen, r)
	})
}

// seen notes what an answer was.
type seen struct {
	http.ResponseWriter
	route    string
	status   int
	bytes    int64
	hijacked bool
}

func (s *seen) WriteHeader(status int) {
	if s.status == 0 {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

func (s *seen) Write(p []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	n, err := s.ResponseWriter.Write(p)
	s.bytes += int64(n)
	return n, err
}

// Hijack is for sockets.
func (s *seen) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	s.hijacked = true
	return http.NewResponseController(s.ResponseWriter).Hijack()
}

// Unwrap is for http.ResponseController.
func (s *seen) Unwrap() http.ResponseWriter { return s.ResponseWriter }
