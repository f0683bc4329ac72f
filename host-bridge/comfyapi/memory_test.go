package comfyapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/isac-guidance/isac/host-bridge/events"
	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/host-bridge/message"
	"github.com/isac-guidance/isac/host-bridge/queue"
	"github.com/isac-guidance/isac/host-bridge/store"
	"github.com/isac-guidance/isac/plugin"
)

// memory is a queue whose runs a test plays by hand, message by message.
type memoryQueue struct {
	mu          sync.Mutex
	records     []*queue.Record // in the order of putting
	nodes       map[string]json.RawMessage
	tell        func(queue.Notice)
	stores      map[string]*memoryStore
	files       *memoryFiles
	freed       []string
	interrupted []string
	limit       int
	workers     []queue.WorkerInfo
}

func newMemory(nodes map[string]json.RawMessage) *memoryQueue {
	return &memoryQueue{nodes: nodes, stores: map[string]*memoryStore{}, files: &memoryFiles{files: map[string][]byte{}}, limit: 1000}
}

func (q *memoryQueue) notify(n queue.Notice) {
	if q.tell != nil {
		q.tell(n)
	}
}

func (q *memoryQueue) Put(_ context.Context, p queue.Prompt) error {
	q.mu.Lock()
	for _, r := range q.records {
		if r.ID == p.ID {
			q.mu.Unlock()
			return queue.ErrExists
		}
	}
	pending := 0
	for _, r := range q.records {
		if r.State == queue.Pending {
			pending++
		}
	}
	if pending >= q.limit {
		q.mu.Unlock()
		return &queue.FullError{Pending: pending, Limit: q.limit}
	}
	r := &queue.Record{Prompt: p, State: queue.Pending}
	q.records = append(q.records, r)
	q.mu.Unlock()
	q.notify(queue.Notice{Record: r, Changed: true})
	return nil
}

func (q *memoryQueue) in(states ...queue.State) []*queue.Record {
	q.mu.Lock()
	defer q.mu.Unlock()
	var found []*queue.Record
	for _, r := range q.records {
		if slices.Contains(states, r.State) {
			found = append(found, r)
		}
	}
	return found
}

func (q *memoryQueue) Snapshot() (running, pending []*queue.Record) {
	pending = q.in(queue.Pending)
	slices.SortStableFunc(pending, func(a, b *queue.Record) int { return cmp.Compare(a.Number, b.Number) })
	return q.in(queue.Running), pending
}

func (q *memoryQueue) Record(id string) (*queue.Record, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range q.records {
		if r.ID == id {
			return r, true
		}
	}
	return nil, false
}

func (q *memoryQueue) History() []*queue.Record {
	return q.in(queue.Success, queue.Failed, queue.Interrupted)
}

func (q *memoryQueue) remove(ids []string, which func(queue.State) bool) {
	q.mu.Lock()
	q.records = slices.DeleteFunc(q.records, func(r *queue.Record) bool {
		return which(r.State) && (ids == nil || slices.Contains(ids, r.ID))
	})
	q.mu.Unlock()
	q.notify(queue.Notice{Changed: true})
}

// drain takes all prompts away.
func (q *memoryQueue) drain() []*queue.Record {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.records
	q.records = nil
	return all
}

func (q *memoryQueue) Delete(_ context.Context, ids []string) error {
	q.remove(ids, func(s queue.State) bool { return s == queue.Pending })
	return nil
}

func (q *memoryQueue) Forget(_ context.Context, ids []string) error {
	q.remove(ids, queue.State.Ended)
	return nil
}

func (q *memoryQueue) Interrupt(_ context.Context, id string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.interrupted = append(q.interrupted, id)
	return nil
}

func (q *memoryQueue) Free(_ context.Context, unload, memory bool) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.freed = append(q.freed, fmt.Sprint(unload, memory))
	return nil
}

func (q *memoryQueue) Nodes(context.Context) (map[string]json.RawMessage, error) { return q.nodes, nil }
func (q *memoryQueue) Workers() []queue.WorkerInfo                               { return q.workers }
func (q *memoryQueue) Subscribe(fn func(queue.Notice))                           { q.tell = fn }
func (q *memoryQueue) Files() store.Files                                        { return q.files }

func (q *memoryQueue) Values(name string) (store.Values, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stores[name] == nil {
		q.stores[name] = &memoryStore{values: map[string][]byte{}}
	}
	return q.stores[name], nil
}

// change replaces a record, for those that were given out must not change.
func (q *memoryQueue) change(id string, change func(*queue.Record)) *queue.Record {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, r := range q.records {
		if r.ID == id {
			now := *r
			change(&now)
			q.records[i] = &now
			return &now
		}
	}
	panic("no prompt " + id)
}

// begin takes a prompt as a worker does.
func (q *memoryQueue) begin(id string) {
	r := q.change(id, func(r *queue.Record) { r.State, r.Started, r.Attempt = queue.Running, time.Now(), 1 })
	q.notify(queue.Notice{Record: r, Changed: true})
	q.say(id, message.ExecutionStart{PromptID: id, Timestamp: message.At(time.Now())})
	q.say(id, message.ExecutionCached{PromptID: id, Nodes: []string{}})
}

func (q *memoryQueue) say(id string, e message.Event) {
	r, _ := q.Record(id)
	m := message.Of(e)
	q.notify(queue.Notice{Record: r, Message: &m})
}

func (q *memoryQueue) show(id, node string, data []byte) {
	r, _ := q.Record(id)
	q.notify(queue.Notice{Record: r, Preview: &events.Preview{PromptID: id, NodeID: node, Format: "jpeg", Data: data}})
}

// finish ends a prompt: its last message, then the record, then the notice.
func (q *memoryQueue) finish(id string, state queue.State, last message.Event, outputs map[string]json.RawMessage) {
	q.say(id, last)
	r := q.change(id, func(r *queue.Record) {
		r.State, r.Ended = state, time.Now()
		r.Result = &queue.Result{Outputs: outputs, Messages: []message.Message{
			message.Of(message.ExecutionStart{PromptID: id, Timestamp: message.At(r.Started)}),
			message.Of(message.ExecutionCached{PromptID: id, Nodes: []string{}}), message.Of(last),
		}}
	})
	q.notify(queue.Notice{Record: r, Ended: true})
}

type memoryStore struct {
	mu     sync.Mutex
	values map[string][]byte
}

func (s *memoryStore) Get(_ context.Context, key string) ([]byte, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.values[key]
	if !ok {
		return nil, time.Time{}, fs.ErrNotExist
	}
	return v, time.Unix(1_700_000_000, 0), nil
}

func (s *memoryStore) Put(_ context.Context, key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[key] = bytes.Clone(value)
	return nil
}

func (s *memoryStore) Create(_ context.Context, key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.values[key]; ok {
		return fs.ErrExist
	}
	s.values[key] = bytes.Clone(value)
	return nil
}

func (s *memoryStore) Delete(_ context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.values[key]; !ok {
		return fs.ErrNotExist
	}
	delete(s.values, key)
	return nil
}

func (s *memoryStore) List(_ context.Context, prefix string) ([]store.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []store.Entry
	for _, key := range slices.Sorted(maps.Keys(s.values)) {
		if strings.HasPrefix(key, prefix) {
			list = append(list, store.Entry{Key: key, Size: int64(len(s.values[key])), Modified: time.Unix(1_700_000_000, 0)})
		}
	}
	return list, nil
}

type memoryFiles struct {
	mu    sync.Mutex
	files map[string][]byte // kind/subfolder/name
}

func fileKey(kind, subfolder, name string) string { return kind + "/" + subfolder + "/" + name }

type memoryFile struct{ *bytes.Reader }

func (memoryFile) Close() error { return nil }

func (f *memoryFiles) Open(_ context.Context, kind, subfolder, name string) (io.ReadSeekCloser, time.Time, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	data, ok := f.files[fileKey(kind, subfolder, name)]
	if !ok {
		return nil, time.Time{}, fs.ErrNotExist
	}
	return memoryFile{bytes.NewReader(data)}, time.Unix(1_700_000_000, 0), nil
}

func (f *memoryFiles) Write(_ context.Context, kind string, files []plugin.File) ([]graph.SavedFile, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var saved []graph.SavedFile
	for _, file := range files {
		name := strings.ReplaceAll(file.Name, "%%", "%")
		f.files[fileKey(kind, file.Subfolder, name)] = bytes.Clone(file.Data)
		saved = append(saved, graph.SavedFile{Name: name, Subfolder: file.Subfolder, Type: kind})
	}
	return saved, nil
}

func (f *memoryFiles) List(_ context.Context, kind string) ([]store.FileInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []store.FileInfo
	for _, key := range slices.Sorted(maps.Keys(f.files)) {
		if rest, ok := strings.CutPrefix(key, kind+"/"); ok {
			sub, name, _ := strings.Cut(rest, "/")
			list = append(list, store.FileInfo{Subfolder: sub, Name: name, Size: int64(len(f.files[key]))})
		}
	}
	return list, nil
}
