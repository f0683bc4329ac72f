package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/host-bridge/internal/reach"
	"github.com/isac-guidance/isac/plugin"
)

// What a worker sends: each part of each file, and then what becomes of them. Every message is answered.
const (
	filesSubject = "isac.files"
	uploadHeader = "Isac-Upload"
	fileHeader   = "Isac-File"
	offsetHeader = "Isac-Offset"
	// goneHeader marks a question for files that may be gone; there are no parts before it.
	goneHeader = "Isac-Gone"
)

const (
	// partBytes is how much of a file goes into one message, where NATS takes that much.
	partBytes = 1 << 20
	// messageRoom is what else goes into a message.
	messageRoom = 4 << 10
	// callTime bounds one message with its answer.
	callTime = 10 * time.Second
)

// Remote writes files into the API server's Files over NATS.
type Remote struct {
	nc  *nats.Conn
	log *slog.Logger
}

// NewRemote makes one over a connection.
func NewRemote(nc *nats.Conn, log *slog.Logger) *Remote { return &Remote{nc, log} }

// finish is the message after all parts: files with their names and sizes.
type finish struct {
	Kind  string         `json:"kind"`
	Files []finishedFile `json:"files"`
}

type finishedFile struct {
	Name      string `json:"name"`
	Subfolder string `json:"subfolder,omitempty"`
	Size      int    `json:"size"`
}

// answer is what the API server says to a message. Anew: it does not have the parts (any more).
type answer struct {
	Saved []graph.SavedFile `json:"saved,omitempty"`
	Anew  bool              `json:"anew,omitempty"`
	Gone  bool              `json:"gone,omitempty"`
	Error string            `json:"error,omitempty"`
}

// Write writes files, all or none. It tries again for as long as NATS or the API server cannot be reached: a picture that took
// minutes is not thrown away for a server that is started again. Who has not so much patience ends ctx.
func (r *Remote) Write(ctx context.Context, kind string, files []plugin.File) ([]graph.SavedFile, error) {
	id := rand.Text()
	for said := false; ; said = true {
		a, err := r.send(ctx, id, kind, files)
		switch {
		case err == nil && a.Error != "":
			return nil, errors.New(a.Error)
		case err == nil && !a.Anew:
			return a.Saved, nil
		case err != nil && (!reach.Passing(err) || ctx.Err() != nil):
			return nil, fmt.Errorf("send files to the API server: %w", err)
		}
		if err == nil {
			err = errors.New("the API server was started in the middle of it")
		}
		if !said {
			r.log.Warn("cannot store a file; trying again until it can be", "reason", err.Error())
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("send files to the API server: %w", context.Cause(ctx))
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// Gone asks whether any of the files is not there. It asks once: who cannot be told goes on with what is known.
func (r *Remote) Gone(ctx context.Context, files []graph.SavedFile) (bool, error) {
	m := nats.NewMsg(filesSubject)
	m.Header.Set(goneHeader, "1")
	var err error
	if m.Data, err = json.Marshal(files); err != nil {
		return false, err
	}
	a, err := r.ask(ctx, rand.Text(), m)
	if err == nil && a.Error != "" {
		err = errors.New(a.Error)
	}
	return a.Gone, err
}

func (r *Remote) send(ctx context.Context, id, kind string, files []plugin.File) (answer, error) {
	size := partSize(r.nc)
	end := finish{Kind: kind}
	for i, f := range files {
		end.Files = append(end.Files, finishedFile{f.Name, f.Subfolder, len(f.Data)})
		for at := 0; at < len(f.Data); at += size {
			m := nats.NewMsg(filesSubject)
			m.Header.Set(fileHeader, strconv.Itoa(i))
			m.Header.Set(offsetHeader, strconv.Itoa(at))
			m.Data = f.Data[at:min(at+size, len(f.Data))]
			if a, err := r.ask(ctx, id, m); err != nil || a.Anew || a.Error != "" {
				return a, err
			}
		}
	}
	m := nats.NewMsg(filesSubject)
	var err error
	if m.Data, err = json.Marshal(end); err != nil {
		return answer{}, err
	}
	return r.ask(ctx, id, m)
}

func (r *Remote) ask(ctx context.Context, id string, m *nats.Msg) (a answer, err error) {
	m.Header.Set(uploadHeader, id)
	ctx, stop := context.WithTimeout(ctx, callTime)
	defer stop()
	reply, err := r.nc.RequestMsgWithContext(ctx, m)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(reply.Data, &a); err != nil {
		return a, fmt.Errorf("the API server's answer cannot be read: %w", err)
	}
	return a, nil
}
