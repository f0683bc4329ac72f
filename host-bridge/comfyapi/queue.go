package comfyapi

import (
	"context"
	"encoding/json"

	"github.com/isac-guidance/isac/host-bridge/queue"
	"github.com/isac-guidance/isac/host-bridge/store"
)

// Queue is what the API needs of a queue. *queue.Server is one.
type Queue interface {
	// Put puts a prompt on the queue. It returns once the prompt is in Snapshot. The error is a *queue.FullError, a
	// *queue.SizeError, or queue.ErrExists.
	Put(ctx context.Context, p queue.Prompt) error
	// Snapshot gives running and pending prompts, in the order in which they run. Records are shared: never change them.
	Snapshot() (running, pending []*queue.Record)
	// Record finds a prompt in any state.
	Record(id string) (*queue.Record, bool)
	// History gives ended prompts, oldest first.
	History() []*queue.Record
	// Delete removes pending prompts, all of them where ids is nil. Running and ended ones stay.
	Delete(ctx context.Context, ids []string) error
	// Forget removes ended prompts, all of them where ids is nil.
	Forget(ctx context.Context, ids []string) error
	// Interrupt stops a running prompt, all of them where id is empty. It is no error that nothing runs.
	Interrupt(ctx context.Context, id string) error
	// Free asks every worker to give memory back, between prompts.
	Free(ctx context.Context, unloadModels, freeMemory bool) error
	// Nodes are the entries of /object_info by class, of all living workers, or the last known ones where none lives.
	Nodes(ctx context.Context) (map[string]json.RawMessage, error)
	// Workers are those that live.
	Workers() []queue.WorkerInfo
	// Subscribe has fn hear every notice, one at a time and in order. It must not block. It is called once, before prompts are put.
	Subscribe(fn func(queue.Notice))
	// Values gives the values of a name.
	Values(name string) (store.Values, error)
	// Files are what nodes wrote and what clients uploaded.
	Files() store.Files
}
