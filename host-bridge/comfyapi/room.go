package comfyapi

import (
	"context"
	"sync"
)

// room is memory that those who want some of it share. They get it in the order in which they came.
type room struct {
	size int64

	mu      sync.Mutex
	taken   int64
	waiting []*place
}

// place is one who waits.
type place struct {
	bytes int64
	ready chan struct{}
}

// take waits until there are so many bytes; who wants more than there are gets all of it. What it returns gives them back.
func (r *room) take(ctx context.Context, bytes int64) (give func(), err error) {
	bytes = min(bytes, r.size)
	give = func() { r.give(bytes) }
	p := &place{bytes: bytes, ready: make(chan struct{})}
	r.mu.Lock()
	r.waiting = append(r.waiting, p)
	r.admit()
	r.mu.Unlock()
	select {
	case <-p.ready:
		return give, nil
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, w := range r.waiting {
		if w == p {
			r.waiting = append(r.waiting[:i], r.waiting[i+1:]...)
			r.admit()
			return nil, ctx.Err()
		}
	}
	r.taken -= bytes // it was admitted just now
	r.admit()
	return nil, ctx.Err()
}

func (r *room) give(bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken -= bytes
	r.admit()
}

// admit lets in the first ones, as far as there is room.
func (r *room) admit() {
	for len(r.waiting) > 0 && r.taken+r.waiting[0].bytes <= r.size {
		r.taken += r.waiting[0].bytes
		close(r.waiting[0].ready)
		r.waiting = r.waiting[1:]
	}
}
