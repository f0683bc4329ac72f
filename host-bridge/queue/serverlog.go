package queue

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// serverLog takes the log of the embedded server.
type serverLog struct {
	log  *slog.Logger
	mu   sync.Mutex
	last string
}

// failure is what went wrong last; nil where nothing did.
func (l *serverLog) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == "" {
		return nil
	}
	return errors.New(l.last)
}

// Noticef is of no interest in everyday use.
func (l *serverLog) Noticef(format string, v ...any) {
	l.log.Debug("nats: " + fmt.Sprintf(format, v...))
}

// Warnf passes a warning on.
func (l *serverLog) Warnf(format string, v ...any) { l.log.Warn("nats: " + fmt.Sprintf(format, v...)) }

// Fatalf notes why the server cannot go on. It does not end the process.
func (l *serverLog) Fatalf(format string, v ...any) {
	l.mu.Lock()
	l.last = fmt.Sprintf(format, v...)
	l.mu.Unlock()
	l.log.Error("nats: " + fmt.Sprintf(format, v...))
}

// Errorf passes an error on.
func (l *serverLog) Errorf(format string, v ...any) {
	l.mu.Lock()
	l.last = fmt.Sprintf(format, v...)
	l.mu.Unlock()
	l.log.Error("nats: " + fmt.Sprintf(format, v...))
}

// Debugf is off.
func (l *serverLog) Debugf(string, ...any) {}

// Tracef is off.
func (l *serverLog) Tracef(string, ...any) {}
