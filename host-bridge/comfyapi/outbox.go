package comfyapi

import (
	"slices"
	"sync"
)

// outbox holds the frames that wait for one socket. Its size is bounded: a socket that is behind gets only the newest of the frames
// that newer ones replace, and one that does not take even what is needed is given up.
type outbox struct {
	maxFrames, maxBytes int
	// dropped is called for each preview that is left out.
	dropped func()

	mu     sync.Mutex
	frames []*frame
	bytes  int
	closed bool
	// last: the frames that are here are the last ones.
	last bool
	// ready has room for one, so that whoever pushes never waits.
	ready chan struct{}
}

const (
	// behind is how many frames may wait before any that newer ones replace are left out.
	behind = 64
	// reports is how many of these a socket gets that is behind.
	reports = 32
)

func newOutbox(maxFrames, maxBytes int, dropped func()) *outbox {
	return &outbox{maxFrames: maxFrames, maxBytes: maxBytes, dropped: dropped, ready: make(chan struct{}, 1)}
}

// push adds a frame. It never waits. false means that the socket is too far behind, and has to be closed.
func (o *outbox) push(f *frame) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || o.last {
		return true
	}
	o.makeRoom(f)
	if f.class == preview && o.bytes+f.bytes > o.maxBytes {
		o.dropped()
		return true
	}
	o.frames = append(o.frames, f)
	o.bytes += f.bytes
	if len(o.frames) > o.maxFrames || o.bytes > o.maxBytes {
		return false
	}
	select {
	case o.ready <- struct{}{}:
	default:
	}
	return true
}

// makeRoom takes out what f replaces.
func (o *outbox) makeRoom(f *frame) {
	switch {
	case f.class == needed:
		return
	case f.class == preview:
	case len(o.frames) < behind:
		return
	}
	count := 0
	for i := len(o.frames) - 1; i >= 0; i-- {
		old := o.frames[i]
		if old.class != f.class || old.key != f.key {
			continue
		}
		if count++; f.class == report && count < reports {
			continue
		}
		o.frames = slices.Delete(o.frames, i, i+1)
		o.bytes -= old.bytes
		if f.class == preview {
			o.dropped()
		}
		if f.class == report {
			return // the oldest one of them was the last that was met
		}
	}
}

// take gives the next frame; nil where none waits. done says that none will come.
func (o *outbox) take() (f *frame, done bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || len(o.frames) == 0 {
		return nil, o.closed || o.last
	}
	f = o.frames[0]
	o.frames[0] = nil
	o.frames = o.frames[1:]
	o.bytes -= f.bytes
	return f, false
}

// finish lets what is here be sent, and takes no more.
func (o *outbox) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = true
	select {
	case o.ready <- struct{}{}:
	default:
	}
}

// close drops everything.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed, o.frames, o.bytes = true, nil, 0
	select {
	case o.ready <- struct{}{}:
	default:
	}
}
