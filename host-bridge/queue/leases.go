package queue

import (
	"cmp"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// leases are held by the workers that have renewed them in time by a sign of life. Clocks of other machines play no part.
type leases struct {
	log *slog.Logger

	mu      sync.Mutex
	workers map[string]beat
	// since is when this process began to listen, or last lost its connection: the signs of a worker that has sent none since
	// may only not have come through.
	since time.Time
}

type beat struct {
	info WorkerInfo
	at   time.Time
}

func newLeases(log *slog.Logger) *leases {
	return &leases{log: log, workers: map[string]beat{}, since: time.Now()}
}

// renew takes a sign of life.
func (r *leases) renew(info WorkerInfo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.workers[info.ID]; !known {
		r.log.Debug("a worker is there", "worker", info.ID, "host", info.Host)
	}
	r.workers[info.ID] = beat{info, time.Now()}
}

// leave takes out a worker that says that it is gone.
func (r *leases) leave(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.workers, id)
}

// begin takes note that signs of life may have been missed.
func (r *leases) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.since = time.Now()
}

// dead tells whether a worker has certainly been silent for too long.
func (r *leases) dead(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Since(r.workers[id].at) > deadAfter && time.Since(r.since) > deadAfter
}

// living are the workers that live, by id.
func (r *leases) living() []WorkerInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []WorkerInfo
	for _, w := range slices.SortedFunc(maps.Values(r.workers), func(a, b beat) int { return cmp.Compare(a.info.ID, b.info.ID) }) {
		if time.Since(w.at) <= deadAfter {
			found = append(found, w.info)
		}
	}
	return found
}

// forget drops those that have been silent for long.
func (r *leases) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, w := range r.workers {
		if time.Since(w.at) > 4*deadAfter {
			delete(r.workers, id)
		}
	}
}
