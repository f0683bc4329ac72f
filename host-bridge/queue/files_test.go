package queue

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/isac-guidance/isac/plugin"
)

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
	data := t.TempDir()
	s := open(t, data)
	worker := s.Conn().Files()
	large := bytes.Repeat([]byte("0123456789"), 1_000_000) // more than one message holds
	saved, err := worker.Write(t.Context(), "output", []plugin.File{
		{Name: "cats_%05d_.png", Subfolder: "animals", Data: []byte("one")},
		{Name: "cats_%05d_.png", Subfolder: "animals", Data: large},
		{Name: "plain.txt", Data: []byte("three")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(saved) != 3 || saved[0].Name != "cats_00001_.png" || saved[1].Name != "cats_00002_.png" || saved[2].Name != "plain.txt" {
		t.Errorf("the names are %+v", saved)
	}
	// At once, for a client that hears of it, and after a while on the disk.
	if got := read(t, s.Files(), "output", "animals", "cats_00001_.png"); got != "one" {
		t.Errorf("the first file is %q", got)
	}
	if got := read(t, s.Files(), "output", "animals", "cats_00002_.png"); got != string(large) {
		t.Errorf("the large file has %d bytes", len(got))
	}
	path := filepath.Join(data, "output", "animals", "cats_00002_.png")
	eventually(t, "the file lies on the disk", func() bool {
		text, err := os.ReadFile(path)
		return err == nil && bytes.Equal(text, large)
	})
	eventually(t, "the file is read from the disk", func() bool {
		i, err := s.files.bucket.find(t.Context(), "file/output/animals/cats_00002_.png")
		return err == nil && i.Home == s.files.home
	})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Files().Open(t.Context(), "output", "animals", "cats_00002_.png"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that somebody removed: %v", err)
	}
	if saved, err = worker.Write(t.Context(), "output", []plugin.File{{Name: "cats_%05d_.png", Subfolder: "animals"}}); err != nil || saved[0].Name != "cats_00003_.png" {
		t.Errorf("the next name is %+v, %v", saved, err)
	}
}

// The store holds the newest outputs; older ones lie on the disk alone, and are read from there.
func TestTheStoreDoesNotGrowForEver(t *testing.T) {
	s := open(t, t.TempDir(), func(o *Options) { o.MaxKept = 100 << 10 })
	large := bytes.Repeat([]byte("0123456789abcdef"), 3<<10) // 48 KiB
	for range 5 {
		if _, err := s.Conn().Files().Write(t.Context(), "output", []plugin.File{{Name: "x_%05d_.png", Data: large}}); err != nil {
			t.Fatal(err)
		}
	}
	only := func(name string) bool {
		i, err := s.files.bucket.find(t.Context(), "file/output/"+name)
		return err == nil && i.Home != "" && i.only()
	}
	eventually(t, "the three oldest lie on the disk alone", func() bool { return only("x_00001_.png") && only("x_00002_.png") && only("x_00003_.png") })
	eventually(t, "the newest are on the disk too", func() bool {
		i, err := s.files.bucket.find(t.Context(), "file/output/x_00005_.png")
		return err == nil && i.Home != "" && !i.only()
	})
	if got := read(t, s.Files(), "output", "", "x_00001_.png"); got != string(large) {
		t.Errorf("the oldest has %d bytes", len(got))
	}
	// What is left of those that were deleted goes with the next sweep, and so does what a writer left that was killed.
	if _, err := s.conn.bucket.objects.PutBytes(t.Context(), "nobody's", large); err != nil {
		t.Fatal(err)
	}
	if _, err := s.conn.js.Publish(t.Context(), chunkSubjects+"half", large); err != nil {
		t.Fatal(err)
	}
	stream, err := s.conn.js.Stream(t.Context(), objectStream)
	if err != nil {
		t.Fatal(err)
	}
	if err := (&sweeper{s.conn.bucket, stream}).sweep(t.Context(), time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if info := stateOf(t, stream); info.Msgs != 2*2+2+1 {
		t.Errorf("after a sweep %d messages are left: want two objects of one part each, and what is too young to go", info.Msgs)
	}
	if err := (&sweeper{s.conn.bucket, stream}).sweep(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := (&sweeper{s.conn.bucket, stream}).sweep(t.Context(), time.Now()); err != nil { // the mark of the one that just went
		t.Fatal(err)
	}
	if info := stateOf(t, stream); info.Msgs != 2*2 {
		t.Errorf("after a sweep later %d messages are left", info.Msgs)
	}
}

func stateOf(t *testing.T, stream jetstream.Stream) jetstream.StreamState {
	t.Helper()
	info, err := stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info.State
}

func TestTwoWritersNeverShareAName(t *testing.T) {
	s, connect := remote(t)
	writers := []Files{s.Files(), connect().Files(), connect().Files()}
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
	s := open(t, t.TempDir())
	for _, f := range []plugin.File{
		{Name: "../x"}, {Name: "a/b"}, {Name: ""}, {Name: "x", Subfolder: ".."}, {Name: "x", Subfolder: "/etc"}, {Name: "x", Subfolder: "a/../../b"}, {Name: "a\x00b"},
	} {
		if _, err := s.Files().Write(t.Context(), "output", []plugin.File{f}); err == nil {
			t.Errorf("%q in %q was written", f.Name, f.Subfolder)
		}
		if _, _, err := s.Files().Open(t.Context(), "output", f.Subfolder, f.Name); err == nil {
			t.Errorf("%q in %q was opened", f.Name, f.Subfolder)
		}
	}
	if _, _, err := s.Files().Open(t.Context(), "queue", "", "x"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("another kind: %v", err)
	}
}

func TestTemporaryFilesEndWithTheProcess(t *testing.T) {
	data := t.TempDir()
	s := open(t, data)
	for _, kind := range []string{"temp", "input"} {
		if _, err := s.Files().Write(t.Context(), kind, []plugin.File{{Name: "x.png", Data: []byte(kind)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, data)
	if _, _, err := s.Files().Open(t.Context(), "temp", "", "x.png"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the temporary file: %v", err)
	}
	if got := read(t, s.Files(), "input", "", "x.png"); got != "input" {
		t.Errorf("the upload is %q", got)
	}
}

func TestStore(t *testing.T) {
	s := open(t, t.TempDir())
	store, err := s.Store("userdata")
	if err != nil {
		t.Fatal(err)
	}
	large := bytes.Repeat([]byte("x"), 2*embeddedPayload)
	keys := []string{"default/workflows/my graph.json", "default/workflows/ünï/☃.json", "default/x.y*>z", "other/a"}
	for _, key := range keys {
		if err := store.Create(t.Context(), key, []byte(key)); err != nil {
			t.Errorf("%q: %v", key, err)
		}
		if err := store.Create(t.Context(), key, nil); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%q again: %v", key, err)
		}
	}
	if err := store.Put(t.Context(), keys[0], large); err != nil {
		t.Fatal(err)
	}
	if value, _, err := store.Get(t.Context(), keys[0]); err != nil || !bytes.Equal(value, large) {
		t.Errorf("the large value has %d bytes, %v", len(value), err)
	}
	entries, err := store.List(t.Context(), "default/workflows/")
	if err != nil || len(entries) != 2 || entries[0].Key != keys[0] || entries[0].Size != int64(len(large)) || entries[1].Key != keys[1] {
		t.Errorf("the entries are %+v, %v", entries, err)
	}
	if err := store.Delete(t.Context(), keys[1]); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{keys[1], "nothing"} {
		if _, _, err := store.Get(t.Context(), key); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", key, err)
		}
		if err := store.Delete(t.Context(), key); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("delete %q: %v", key, err)
		}
	}
}
