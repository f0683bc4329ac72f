package comfyapi

import (
	"sync"

	"github.com/isac-guidance/isac/host-bridge/queue"
)

// endedJobs are the jobs of the history, each made once: a record does not change any more, and ComfyUI's editor asks for the list
// whenever the queue changes. A record holds the whole workflow, so that reading all of them again takes seconds in a long history.
type endedJobs struct {
	mu   sync.Mutex
	made map[*queue.Record]job
}

// jobs gives the jobs of the history, and forgets those that are no longer in it.
func (e *endedJobs) jobs(history []*queue.Record) []job {
	e.mu.Lock()
	defer e.mu.Unlock()
	made := make(map[*queue.Record]job, len(history))
	list := make([]job, len(history))
	for i, r := range history {
		j, ok := e.made[r]
		if !ok {
			j = jobOf(r)
		}
		made[r], list[i] = j, j
	}
	e.made = made
	return list
}

func jobsOf(records []*queue.Record) []job {
	list := make([]job, len(records))
	for i, r := range records {
		list[i] = jobOf(r)
	}
	return list
}
