package server

import (
	"context"
	"errors"
	"sync"

	"github.com/isac-guidance/isac/isac/torch"
)

// library loads libtorch once, in the background, after the handshake: it takes up to seconds, may print, and may be missing.
type library struct {
	once sync.Once
	// ready is closed when loading has ended; executor and err are set before.
	ready    chan struct{}
	executor *torch.Executor
	err      error
}

func newLibrary() *library { return &library{ready: make(chan struct{})} }

// load begins to load; later calls do nothing.
func (l *library) load() {
	l.once.Do(func() {
		go func() {
			defer close(l.ready)
			if l.err = torch.Load(""); l.err == nil {
				l.executor = torch.NewExecutor()
			}
		}()
	})
}

// wait returns the executor when libtorch is loaded, or why it is not.
func (l *library) wait(ctx context.Context) (*torch.Executor, error) {
	l.load()
	select {
	case <-l.ready:
		return l.executor, l.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// loaded is the executor if libtorch is loaded now, else nil.
func (l *library) loaded() *torch.Executor {
	select {
	case <-l.ready:
		return l.executor
	default:
		return nil
	}
}

// close ends the executor; a load that is under way is waited for, one that was not asked for never begins.
func (l *library) close() {
	l.once.Do(func() {
		l.err = errors.New("the server is closed")
		close(l.ready)
	})
	<-l.ready
	if l.executor != nil {
		l.executor.Close()
	}
}
