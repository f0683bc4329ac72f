package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/isac-guidance/isac/host-bridge/internal/reach"
)

// What a worker asks for: parts of a file, one after the other. The answer is the part, with the size of the whole file.
const (
	readSubject    = "isac.files.read"
	sizeHeader     = "Isac-Size"
	modifiedHeader = "Isac-Modified"
	errorHeader    = "Isac-Error"
)

// mostInput bounds a file that goes to a node: it goes as one message to the plugin.
const mostInput = 128 << 20

// Reader reads files that clients uploaded or nodes wrote.
type Reader interface {
	// Read gives a whole file of a kind; errors.Is fs.ErrNotExist where there is none.
	Read(ctx context.Context, kind, subfolder, name string) ([]byte, error)
}

// readAsk asks for the part of a file that begins at a byte.
type readAsk struct {
	Kind      string `json:"kind"`
	Subfolder string `json:"subfolder,omitempty"`
	Name      string `json:"name"`
	Offset    int64  `json:"offset,omitempty"`
}

// Provide answers Remotes that read files, until the subscription ends.
func Provide(nc *nats.Conn, files Files, log *slog.Logger) (*nats.Subscription, error) {
	sub, err := nc.Subscribe(readSubject, func(m *nats.Msg) {
		reply := nats.NewMsg(m.Reply)
		if err := part(nc, files, m.Data, reply); err != nil {
			reply.Header.Set(errorHeader, err.Error())
		}
		if err := m.RespondMsg(reply); err != nil {
			log.Debug("cannot answer a worker", "reason", err.Error())
		}
	})
	if err != nil {
		return nil, fmt.Errorf("listen to workers that read files: %w", err)
	}
	return sub, nil
}

// part fills a reply with a part of a file.
func part(nc *nats.Conn, files Files, question []byte, reply *nats.Msg) error {
	var q readAsk
	if err := json.Unmarshal(question, &q); err != nil {
		return fmt.Errorf("the worker's message cannot be read: %w", err)
	}
	file, modified, err := files.Open(context.Background(), q.Kind, q.Subfolder, q.Name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no file %q among the %s files", q.Name, q.Kind)
		}
		return err
	}
	defer file.Close()
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	reply.Header.Set(sizeHeader, strconv.FormatInt(size, 10))
	reply.Header.Set(modifiedHeader, strconv.FormatInt(modified.UnixNano(), 10))
	if q.Offset < 0 || q.Offset > size {
		return fmt.Errorf("byte %d of a file of %d bytes", q.Offset, size)
	}
	if _, err := file.Seek(q.Offset, io.SeekStart); err != nil {
		return err
	}
	reply.Data = make([]byte, min(size-q.Offset, int64(partSize(nc))))
	_, err = io.ReadFull(file, reply.Data)
	return err
}

// partSize is how much of a file goes into one message.
func partSize(nc *nats.Conn) int { return min(partBytes, int(nc.MaxPayload())-messageRoom) }

// Read reads a whole file from the API server's Files. It tries again for as long as NATS or the API server cannot be reached, and begins
// again where the file changes meanwhile. Who has not so much patience ends ctx.
func (r *Remote) Read(ctx context.Context, kind, subfolder, name string) ([]byte, error) {
	q := readAsk{Kind: kind, Subfolder: subfolder, Name: name}
	var data []byte
	modified := ""
	for said := false; ; {
		reply, err := r.readPart(ctx, q)
		switch {
		case err != nil && (!reach.Passing(err) || ctx.Err() != nil):
			return nil, fmt.Errorf("read %s from the API server: %w", name, err)
		case err != nil:
			if !said {
				r.log.Warn("cannot read a file; trying again until it can be", "reason", err.Error())
				said = true
			}
			select {
			case <-ctx.Done():
				return nil, fmt.Errorf("read %s from the API server: %w", name, context.Cause(ctx))
			case <-time.After(500 * time.Millisecond):
			}
			continue
		}
		if why := reply.Header.Get(errorHeader); why != "" {
			return nil, errors.New(why)
		}
		size, err := strconv.ParseInt(reply.Header.Get(sizeHeader), 10, 64)
		if err != nil || size > mostInput {
			return nil, fmt.Errorf("file %q has %s bytes, expected at most %d", name, reply.Header.Get(sizeHeader), mostInput)
		}
		now := reply.Header.Get(modifiedHeader)
		if now != modified && q.Offset > 0 {
			data, q.Offset = nil, 0
			continue
		}
		modified = now
		data = append(data, reply.Data...)
		q.Offset = int64(len(data))
		if q.Offset >= size {
			return data, nil
		}
		if len(reply.Data) == 0 {
			return nil, fmt.Errorf("file %q ended at byte %d of %d", name, q.Offset, size)
		}
	}
}

func (r *Remote) readPart(ctx context.Context, q readAsk) (*nats.Msg, error) {
	text, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithTimeout(ctx, callTime)
	defer stop()
	return r.nc.RequestWithContext(ctx, readSubject, text)
}
