package migrate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	oldFolder  = "queue"
	keptFolder = "queue.old"
	startTime  = time.Minute
	oldPayload = 8 << 20
)

// Embedded brings over what the embedded server of an older version left in the folder queue of a data folder, and gives that folder
// the name queue.old.
func Embedded(ctx context.Context, data string, t Target) error {
	const mark = markPrefix + "embedded"
	folder, kept := filepath.Join(data, oldFolder), filepath.Join(data, keptFolder)
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if !t.Journal.Has(mark) {
		s, err := bringFolder(ctx, folder, t, mark)
		if err != nil {
			return fmt.Errorf("bring over what an older version left in %s: %w; to begin without it, move that folder away", folder, err)
		}
		t.Log.Info("the queue of an older version was brought over into the ledger; what lies in "+kept+" is not needed any more",
			"prompts", s.prompts, "values", s.values, "files", s.files)
	}
	if err := os.Rename(folder, kept); err != nil { // it is never read again in any case
		t.Log.Warn("the folder of an older version's queue keeps its name", "folder", folder, "reason", err.Error())
	}
	return nil
}

func bringFolder(ctx context.Context, folder string, t Target, mark string) (*source, error) {
	log := &lastError{log: t.Log}
	s, err := server.NewServer(&server.Options{
		ServerName: "isac-host", DontListen: true, JetStream: true, StoreDir: folder, NoSigs: true, MaxPayload: oldPayload, NoSystemAccount: true,
	})
	if err != nil {
		return nil, err
	}
	s.SetLoggerV2(log, false, false, false)
	s.Start()
	defer func() {
		s.Shutdown()
		s.WaitForShutdown()
	}()
	if !s.ReadyForConnections(startTime) {
		return nil, errors.Join(fmt.Errorf("its nats server does not get ready in %v", startTime), log.err())
	}
	nc, err := nats.Connect(nats.DefaultURL, nats.InProcessServer(s))
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(startTime))
	if err != nil {
		return nil, err
	}
	old, err := open(ctx, js)
	if err != nil {
		return nil, errors.Join(err, log.err())
	}
	if old == nil {
		return &source{}, errors.Join(t.Journal.Put(mark, []byte("nothing")), log.err())
	}
	return old, old.bring(ctx, t, mark)
}

// lastError takes the log of the old server.
type lastError struct {
	log  *slog.Logger
	mu   sync.Mutex
	last error
}

func (l *lastError) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

func (l *lastError) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = err
}

// Noticef is of no interest.
func (l *lastError) Noticef(string, ...any) {}

// Warnf passes a warning on.
func (l *lastError) Warnf(format string, v ...any) { l.log.Warn("nats: " + fmt.Sprintf(format, v...)) }

// Fatalf notes why the server cannot go on; it does not end the process.
func (l *lastError) Fatalf(format string, v ...any) { l.note(fmt.Errorf(format, v...)) }

// Errorf notes an error.
func (l *lastError) Errorf(format string, v ...any) {
	l.note(fmt.Errorf(format, v...))
	l.log.Error("nats: " + fmt.Sprintf(format, v...))
}

// Debugf is off.
func (l *lastError) Debugf(string, ...any) {}

// Tracef is off.
func (l *lastError) Tracef(string, ...any) {}
