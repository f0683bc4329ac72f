package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/plugin"
)

func disk(t *testing.T, data string) *Disk {
	t.Helper()
	d, err := OpenDisk(data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() }) // some tests close it before
	return d
}

// connection is one to a NATS of the test.
func connection(t *testing.T) func() *nats.Conn {
	t.Helper()
	s, err := server.NewServer(&server.Options{DontListen: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return func() *nats.Conn {
		nc, err := nats.Connect("", nats.InProcessServer(s))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
}

func receive(t *testing.T, nc *nats.Conn, w Writer) *nats.Subscription {
	t.Helper()
	sub, err := Receive(nc, w, slog.New(slog.DiscardHandler))
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

func read(t *testing.T, f Files, kind, folder, name string) string {
	t.Helper()
	file, _, err := f.Open(t.Context(), kind, folder, name)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestFilesOfAWorkerReachTheDisk(t *testing.T) {
	data, connect := t.TempDir(), connection(t)
	d := disk(t, data)
	receive(t, connect(), d)
	worker := NewRemote(connect(), slog.New(slog.DiscardHandler))
	large := bytes.Repeat([]byte("0123456789"), 1_000_000) // more than one message holds
	saved, err := worker.Write(t.Context(), "output", []plugin.File{
		{Name: "cats_%05d_.png", Subfolder: "animals", Data: []byte("one")},
		{Name: "empty.txt"},
		{Name: "cats_%05d_.png", Subfolder: "animals", Data: large},
		{Name: "plain.txt", Data: []byte("three")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(saved) != 4 || saved[0].Name != "cats_00001_.png" || saved[2].Name != "cats_00002_.png" || saved[2].Subfolder != "animals" || saved[3].Type != "output" {
		t.Errorf("the names are %+v", saved)
	}
	if got := read(t, d, "output", "", "empty.txt"); got != "" {
		t.Errorf("the empty file is %q", got)
	}
	path := filepath.Join(data, "output", "animals", "cats_00002_.png")
	if text, err := os.ReadFile(path); err != nil || !bytes.Equal(text, large) {
		t.Errorf("the large file has %d bytes, %v", len(text), err)
	}
	if list, err := d.List(t.Context(), "output"); err != nil || len(list) != 4 || list[2].Subfolder != "animals" || list[2].Name != "cats_00001_.png" {
		t.Errorf("the list is %+v, %v", list, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Open(t.Context(), "output", "animals", "cats_00002_.png"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that somebody removed: %v", err)
	}
	if _, err := worker.Write(t.Context(), "output", []plugin.File{{Name: "x.png", Data: []byte("x")}, {Name: "../x"}}); err == nil {
		t.Error("a file outside the folder was written")
	}
	if got := read(t, d, "output", "", "x.png"); got == "x" {
		t.Error("of files of which one could not be written another was")
	}
}

// A worker that does not hear an answer asks again, and the files are there once; one whose API server was started anew in the middle sends
// everything again.
// TestFilesThatAreGone: a worker can ask whether what it wrote is still there.
func TestFilesThatAreGone(t *testing.T) {
	data, connect := t.TempDir(), connection(t)
	receive(t, connect(), disk(t, data))
	worker := NewRemote(connect(), slog.New(slog.DiscardHandler))
	saved, err := worker.Write(t.Context(), "output", []plugin.File{{Name: "a.txt", Data: []byte("a")}, {Name: "b.txt", Subfolder: "in", Data: []byte("b")}})
	if err != nil {
		t.Fatal(err)
	}
	if gone, err := worker.Gone(t.Context(), saved); gone || err != nil {
		t.Errorf("files that are there are gone: %v, %v", gone, err)
	}
	if _, err := worker.Gone(t.Context(), []graph.SavedFile{{Name: "../x", Type: "output"}}); err == nil {
		t.Error("a file outside is looked for")
	}
	if err := os.Remove(filepath.Join(data, "output", "in", "b.txt")); err != nil {
		t.Fatal(err)
	}
	if gone, err := worker.Gone(t.Context(), saved); !gone || err != nil {
		t.Errorf("a file that was removed is there: %v, %v", gone, err)
	}
}

func TestFilesAreSentAgain(t *testing.T) {
	connect := connection(t)
	d, nc := disk(t, t.TempDir()), connect()
	r := &receiver{files: d, log: slog.New(slog.DiscardHandler), uploads: map[string]*upload{}}
	count := 0
	sub, err := nc.Subscribe(filesSubject, func(m *nats.Msg) {
		switch count++; count {
		case 2: // the second part, by another process
			r.uploads = map[string]*upload{}
		case 6: // the last word: done, but not heard
			r.take(m)
			_ = m.Respond([]byte("no JSON"))
			return
		}
		r.message(m)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	w := NewRemote(connect(), slog.New(slog.DiscardHandler))
	file := []plugin.File{{Name: "x_%05d_.png", Data: bytes.Repeat([]byte("x"), 5*partBytes/2)}}
	ask := func() error {
		_, err := w.Write(t.Context(), "output", file)
		return err
	}
	if err := ask(); err == nil { // an answer that is none is no reason to wait
		t.Error("an answer that cannot be read was taken")
	}
	if list, err := d.List(t.Context(), "output"); err != nil || len(list) != 1 || list[0].Size != 5*partBytes/2 {
		t.Errorf("the files are %+v, %v", list, err)
	}
	a, b := r.take(lastWord(t, r)), r.take(lastWord(t, r))
	if len(a.Saved) != 1 || a.Saved[0] != b.Saved[0] {
		t.Errorf("asked again it says %+v, then %+v", a, b)
	}
	if list, err := d.List(t.Context(), "output"); err != nil || len(list) != 1 {
		t.Errorf("asked again there are the files %+v, %v", list, err)
	}
}

// lastWord is the last message of the one upload that there is.
func lastWord(t *testing.T, r *receiver) *nats.Msg {
	t.Helper()
	for id := range r.uploads {
		m := nats.NewMsg(filesSubject)
		m.Header.Set(uploadHeader, id)
		m.Data = []byte(`{"kind":"output","files":[{"name":"x_%05d_.png","size":1}]}`)
		return m
	}
	t.Fatal("there is no upload")
	return nil
}

// A worker waits for an API server that is away, until it has no patience left.
func TestAWorkerWaitsWithItsFiles(t *testing.T) {
	connect := connection(t)
	w := NewRemote(connect(), slog.New(slog.DiscardHandler))
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	if _, err := w.Write(ctx, "output", []plugin.File{{Name: "x.png"}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a server: %v", err)
	}
	d := disk(t, t.TempDir())
	time.AfterFunc(200*time.Millisecond, func() { receive(t, connect(), d) })
	if saved, err := w.Write(t.Context(), "output", []plugin.File{{Name: "x.png", Data: []byte("x")}}); err != nil || len(saved) != 1 {
		t.Errorf("with one that comes later: %v, %v", saved, err)
	}
}

func TestTwoWritersNeverShareAName(t *testing.T) {
	connect := connection(t)
	d := disk(t, t.TempDir())
	receive(t, connect(), d)
	log := slog.New(slog.DiscardHandler)
	writers := []Writer{d, NewRemote(connect(), log), NewRemote(connect(), log)}
	var mu sync.Mutex
	names := map[string]int{}
	var all sync.WaitGroup
	for _, w := range writers {
		all.Go(func() {
			for range 20 {
				saved, err := w.Write(t.Context(), "output", []plugin.File{{Name: "x_%05d_.png", Data: []byte("x")}})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				names[saved[0].Name]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(names) != 60 {
		t.Errorf("60 files have %d names", len(names))
	}
}

func TestNamesThatLeaveTheFolder(t *testing.T) {
	data := t.TempDir()
	d := disk(t, data)
	for _, f := range []plugin.File{
		{Name: "../x"}, {Name: "a/b"}, {Name: ""}, {Name: "x", Subfolder: ".."}, {Name: "x", Subfolder: "/etc"}, {Name: "x", Subfolder: "a/../../b"}, {Name: "a\x00b"},
	} {
		if _, err := d.Write(t.Context(), "output", []plugin.File{f}); err == nil {
			t.Errorf("%q in %q was written", f.Name, f.Subfolder)
		}
		if _, _, err := d.Open(t.Context(), "output", f.Subfolder, f.Name); err == nil {
			t.Errorf("%q in %q was opened", f.Name, f.Subfolder)
		}
	}
	if _, _, err := d.Open(t.Context(), "queue", "", "x"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("another kind: %v", err)
	}
	if err := os.Symlink("/etc", filepath.Join(data, "output", "link")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Open(t.Context(), "output", "link", "passwd"); err == nil {
		t.Error("a file outside was opened through a link")
	}
	if _, err := d.Write(t.Context(), "output", []plugin.File{{Name: "x", Subfolder: "link"}}); err == nil {
		t.Error("a file outside was written through a link")
	}
}

func TestTemporaryFilesEndWithTheProcess(t *testing.T) {
	data := t.TempDir()
	d := disk(t, data)
	for _, kind := range []string{"temp", "input"} {
		if _, err := d.Write(t.Context(), kind, []plugin.File{{Name: "x.png", Data: []byte(kind)}}); err != nil {
			t.Fatal(err)
		}
	}
	old := filepath.Join(data, "input", unfinished+"1-1.part")
	if err := os.WriteFile(old, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-2*unfinishedAge)); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = disk(t, data)
	if _, _, err := d.Open(t.Context(), "temp", "", "x.png"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the temporary file: %v", err)
	}
	if got := read(t, d, "input", "", "x.png"); got != "input" {
		t.Errorf("the upload is %q", got)
	}
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what a process left half written: %v", err)
	}
}
