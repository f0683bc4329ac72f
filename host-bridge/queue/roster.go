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

// roster is what this process knows of the workers: who has said in time that it lives. Clocks of other machines play no part.
type roster struct {
	log *slog.Logger

	mu      sync.Mutex
	workers map[string]beat
	// since is when this process began to listen, or last lost its connection: who was not heard since may only not
	// have been heard.
	since time.Time
	ready chan struct{}
}

type beat struct {
	info WorkerInfo
	at   time.Time
}

func newRoster(log *slog.Logger) *roster {
	return &roster{log: log, workers: map[string]beat{}, since: time.Now(), ready: make(chan struct{})}
}

func (r *roster) put(entry jetstream.KeyValueEntry) {
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
func (r *roster) removed(key string, _ uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range r.workers {
		if workerKey(id) == key {
			delete(r.workers, id)
		}
	}
}

func (r *roster) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.since = time.Now()
}

func (r *roster) complete() {
	select {
	case <-r.ready:
	default:
		close(r.ready)
	}
}

// dead tells whether a worker has certainly been silent for too long.
func (r *roster) dead(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Since(r.workers[id].at) > deadAfter && time.Since(r.since) > deadAfter
}

// living are the workers that live, by id.
func (r *roster) living() []WorkerInfo {
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
