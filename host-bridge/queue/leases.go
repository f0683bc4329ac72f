package queue

import (
	"cmp"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// leases are held by the workers that have renewed them in time by a sign of life. Clocks of other machines play no part.
type leases struct {
	log *slog.Logger

	mu      sync.Mutex
	workers map[string]beat
	// since is when this process began to listen, or last lost its connection: the signs of a worker that has sent none since
	// may only not have come through.
	since time.Time
	ready chan struct{}
}

type beat struct {
	info WorkerInfo
	at   time.Time
}

func newLeases(log *slog.Logger) *leases {
	return &leases{log: log, workers: map[string]beat{}, since: time.Now(), ready: make(chan struct{})}
}

func (r *leases) put(entry jetstream.KeyValueEntry) {
	var info WorkerInfo
	if err := json.Unmarshal(entry.Value(), &info); err != nil {
		r.log.Error("a worker's sign of life cannot be read", "key", entry.Key(), "reason", err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.workers[info.ID]; !known {
		r.log.Debug("a worker is there", "worker", info.ID, "host", info.Host)
	}
	r.workers[info.ID] = beat{info, time.Now()}
}

// removed is a worker that took its leave, or one that was silent for long.
func (r *leases) removed(key string, _ uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range r.workers {
		if workerKey(id) == key {
			delete(r.workers, id)
		}
	}
}

func (r *leases) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.since = time.Now()
}

func (r *leases) complete() {
	select {
	case <-r.ready:
	default:
		close(r.ready)
	}
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

// workerKey is a worker's key in the bucket.
func workerKey(id string) string { return encodeKey(id) }
