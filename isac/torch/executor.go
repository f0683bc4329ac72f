package torch

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
)

// Executor runs functions one after the other on one OS thread of its own. A model belongs to an executor: gradient mode, CUDA's
// current device and OpenMP's pool belong to threads, and a second thread that computes gets a second pool. Send it whole
// requests; a round trip costs some 10 µs, so it is too dear for single operations.
type Executor struct {
	queue chan *job
	stop  chan struct{}
	gone  chan struct{}
	once  sync.Once
}

type job struct {
	ctx  context.Context
	fn   func() error
	done chan error
}

// ErrExecutorClosed is returned by Do after Close.
var ErrExecutorClosed = errors.New("torch: the executor is closed")

// PanicError is a panic, not an *Error, inside a function that an Executor ran.
type PanicError struct {
	Value any
	Stack string
}

// Error gives the panic's value.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// NewExecutor starts an executor; Close it.
func NewExecutor() *Executor {
	e := &Executor{queue: make(chan *job), stop: make(chan struct{}), gone: make(chan struct{})}
	go e.loop()
	return e
}

// Do runs fn on the executor's thread, in a scope, and returns its error. Calls queue in order of arrival. If ctx ends while the
// call waits its turn, fn is not run and Do returns ctx.Err(); once fn runs, Do waits for it, so fn must watch ctx itself. A
// panic in fn becomes an error: *Error as it is, anything else a *PanicError. After an exhausted GPU memory the cache is emptied.
// Do must not be called from inside fn: it would wait for itself.
func (e *Executor) Do(ctx context.Context, fn func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{ctx: ctx, fn: fn, done: make(chan error, 1)}
	select {
	case e.queue <- j:
		return <-j.done
	case <-ctx.Done():
		return ctx.Err()
	case <-e.stop:
		return ErrExecutorClosed
	case <-e.gone:
		return ErrExecutorClosed
	}
}

// Close waits for the running function to end and stops the executor; calls that wait get ErrExecutorClosed.
func (e *Executor) Close() {
	e.once.Do(func() { close(e.stop) })
	<-e.gone
}

func (e *Executor) loop() {
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	defer close(e.gone)
	for {
		select {
		case <-e.stop:
			return
		default:
		}
		select {
		case <-e.stop:
			return
		case j := <-e.queue:
			e.serve(j)
		}
	}
}

// serve answers the caller whatever fn does. runtime.Goexit in it (testing's FailNow) ends this goroutine, and so the executor.
func (e *Executor) serve(j *job) {
	err := errors.New("torch: the function left the executor's goroutine (runtime.Goexit)")
	defer func() { j.done <- err }()
	err = j.run()
}

func (j *job) run() (err error) {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	defer func() {
		if r := recover(); r != nil {
			err = &PanicError{Value: r, Stack: string(debug.Stack())}
		}
		var e *Error
		if errors.As(err, &e) && e.Kind == KindCUDAMemory {
			emptyAllCaches()
		}
		_ = Try(func() error { trimCache(); return nil })
	}()
	return InScope(j.fn)
}

// emptyAllCaches is for after an exhausted GPU memory, when the scope has been freed.
func emptyAllCaches() {
	_ = Try(func() error {
		for _, d := range GetInfo().Devices {
			if d.Device != CPU {
				EmptyCache(d.Device)
			}
		}
		return nil
	})
}
