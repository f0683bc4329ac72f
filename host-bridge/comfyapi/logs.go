package comfyapi

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Logs keep the last lines of the log, for clients that show a terminal. Wrap a handler with Handler and give it to a Config.
type Logs struct {
	mu    sync.Mutex
	lines []logLine
	keep  int
	to    func(json.RawMessage)
}

// logLine is one line as ComfyUI's terminal reads it: T is its time, M the text with its line end.
type logLine struct {
	T string `json:"t"`
	M string `json:"m"`
}

type logSize struct {
	Cols int `json:"cols"`
	Rows int `json:"rows"`
}

// terminal is what clients are told of the width: nothing is broken here.
var terminal = logSize{Cols: 80, Rows: 24}

// maxLogLine is where a line is cut.
const maxLogLine = 2000

// NewLogs keeps so many lines.
func NewLogs(keep int) *Logs { return &Logs{keep: max(1, keep)} }

// Handler hands records on to next and keeps those at info and above.
func (l *Logs) Handler(next slog.Handler) slog.Handler {
	text := slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelInfo, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	return slog.NewMultiHandler(next, text)
}

// Write takes one line of the text handler.
func (l *Logs) Write(p []byte) (int, error) {
	line := strings.TrimRight(string(bytes.ToValidUTF8(p, []byte("�"))), "\n")
	if len(line) > maxLogLine {
		line = strings.ToValidUTF8(line[:maxLogLine], "") + "…"
	}
	entry := logLine{T: time.Now().Format("2006-01-02T15:04:05.000000"), M: line + "\n"}
	l.mu.Lock()
	l.lines = append(l.lines, entry)
	if len(l.lines) > l.keep {
		l.lines = l.lines[len(l.lines)-l.keep:]
	}
	to := l.to
	l.mu.Unlock()
	if to != nil {
		to(jsonOf(map[string]any{"entries": []logLine{entry}, "size": terminal}))
	}
	return len(p), nil
}

// follow has to hear every line from now on; it must neither block nor log.
func (l *Logs) follow(to func(json.RawMessage)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to = to
}

func (l *Logs) entries() []logLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]logLine{}, l.lines...)
}

func (s *Server) getLogs(w http.ResponseWriter, _ *http.Request) error {
	var b strings.Builder
	for _, line := range s.config.Logs.entries() {
		b.WriteString(line.T + " - " + line.M)
	}
	answer(w, b.String())
	return nil
}

func (s *Server) getRawLogs(w http.ResponseWriter, _ *http.Request) error {
	answer(w, map[string]any{"entries": s.config.Logs.entries(), "size": terminal})
	return nil
}

func (s *Server) subscribeLogs(w http.ResponseWriter, r *http.Request) error {
	members, err := object(w, r, s.config.Limits.BodyBytes, false)
	if err != nil {
		return err
	}
	var client string
	var enabled bool
	if _, err := field(members, "clientId", &client, "a string"); err != nil {
		return err
	}
	if _, err := field(members, "enabled", &enabled, "true or false"); err != nil {
		return err
	}
	s.hub.wantLogs(client, enabled) // one that has no socket hears nothing, which is what ComfyUI does
	done(w)
	return nil
}
