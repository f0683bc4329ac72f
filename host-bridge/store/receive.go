package store

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/plugin"
)

// uploadAge is how long an upload may be silent before it is forgotten, and how long what became of one is remembered.
const uploadAge = 5 * time.Minute

// maxFiles bounds the files of one upload.
const maxFiles = 100_000

// receiver takes the files of Remotes. It belongs to the goroutine of its subscription.
type receiver struct {
	files   Writer
	log     *slog.Logger
	uploads map[string]*upload
}

// upload is one Write of a Remote.
type upload struct {
	files [][]byte
	heard time.Time
	// done is the answer that was given: where it was lost, the same question gets it again, and nothing is written twice.
	done *answer
}

// Receive writes the files that Remotes send over a connection, until the subscription ends.
func Receive(nc *nats.Conn, files Writer, log *slog.Logger) (*nats.Subscription, error) {
	r := &receiver{files: files, log: log, uploads: map[string]*upload{}}
	sub, err := nc.Subscribe(filesSubject, r.message)
	if err == nil {
		err = sub.SetPendingLimits(-1, 512<<20)
	}
	if err != nil {
		return nil, fmt.Errorf("listen to workers' files: %w", err)
	}
	return sub, nil
}

func (r *receiver) message(m *nats.Msg) {
	a := r.take(m)
	text, err := json.Marshal(a)
	if err == nil {
		err = m.Respond(text)
	}
	if err != nil {
		r.log.Debug("cannot answer a worker", "reason", err.Error())
	}
}

func (r *receiver) take(m *nats.Msg) answer {
	if m.Header.Get(goneHeader) != "" {
		return r.gone(m.Data)
	}
	now := time.Now()
	for id, u := range r.uploads {
		if now.Sub(u.heard) > uploadAge {
			delete(r.uploads, id)
		}
	}
	id := m.Header.Get(uploadHeader)
	u := r.uploads[id]
	if u == nil {
		u = &upload{}
		r.uploads[id] = u
	}
	u.heard = now
	if u.done != nil {
		return *u.done
	}
	if m.Header.Get(fileHeader) == "" {
		return r.finish(u, m.Data)
	}
	file, err := strconv.Atoi(m.Header.Get(fileHeader))
	at, err2 := strconv.Atoi(m.Header.Get(offsetHeader))
	if err != nil || err2 != nil || file < 0 || file > maxFiles || at < 0 {
		return answer{Error: fmt.Sprintf("file %d at byte %d is no part of an upload; at most %d files are taken at once", file, at, maxFiles)}
	}
	for len(u.files) <= file { // files before it may be empty
		u.files = append(u.files, nil)
	}
	switch have := len(u.files[file]); {
	case at > have:
		return answer{Anew: true} // this process began in the middle
	case at+len(m.Data) > have: // else it was sent twice
		u.files[file] = append(u.files[file][:at], m.Data...)
	}
	return answer{}
}

// gone looks for files.
func (r *receiver) gone(text []byte) (a answer) {
	finder, ok := r.files.(Finder)
	if !ok {
		return answer{Error: "this server does not say which files are there"}
	}
	var files []graph.SavedFile
	err := json.Unmarshal(text, &files)
	if err == nil {
		a.Gone, err = finder.Gone(context.Background(), files)
	}
	if err != nil {
		a.Error = err.Error()
	}
	return a
}

// finish gives the files their names.
func (r *receiver) finish(u *upload, text []byte) answer {
	var f finish
	if err := json.Unmarshal(text, &f); err != nil {
		return answer{Error: fmt.Sprintf("the worker's message cannot be read: %v", err)}
	}
	files := make([]plugin.File, len(f.Files))
	for i, named := range f.Files {
		files[i] = plugin.File{Name: named.Name, Subfolder: named.Subfolder}
		if named.Size == 0 {
			continue
		}
		if i >= len(u.files) || len(u.files[i]) != named.Size {
			return answer{Anew: true}
		}
		files[i].Data = u.files[i]
	}
	saved, err := r.files.Write(context.Background(), f.Kind, files)
	a := answer{Saved: saved}
	if err != nil {
		a.Error = err.Error()
	}
	u.files, u.done = nil, &a
	return a
}
