package queue

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// oldStore writes what versions before the ledger kept in a NATS: three prompts, settings, a large value, and files.
func oldStore(t *testing.T, nc *nats.Conn, home string) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	bucket := func(name string) jetstream.KeyValue {
		kv, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: name, History: 1, LimitMarkerTTL: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		return kv
	}
	put := func(kv jetstream.KeyValue, key, value string) {
		if _, err := kv.Put(t.Context(), key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	prompts, index := bucket("isac_prompts"), bucket("isac_index")
	const prompt = `{"id":"%s","number":%d,"workflow":{},"extra":{},"outputs":["3"],"created":"2026-01-02T03:04:05Z","state":"%s"%s}`
	put(prompts, "waits", fmt.Sprintf(prompt, "waits", 7, "pending", ""))
	put(prompts, "gone", fmt.Sprintf(prompt, "gone", 8, "pending", ""))
	if err := prompts.Purge(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	put(prompts, "ended", fmt.Sprintf(prompt, "ended", 3, "success",
		`,"started":"2026-01-02T03:04:06Z","ended":"2026-01-02T03:04:07Z","worker":"w","attempt":1,"ticket":5,"events":9,"result":{"outputs":{"3":{"a":1}},"messages":[]}`))
	put(prompts, "ran", fmt.Sprintf(prompt, "ran", 5, "running", `,"started":"2026-01-02T03:04:08Z","worker":"local-`+home+`","attempt":1,"ticket":6`))
	objects, err := js.CreateObjectStore(t.Context(), jetstream.ObjectStoreConfig{Bucket: "isac_objects"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := objects.PutBytes(t.Context(), "OBJECT", []byte(strings.Repeat("large ", 100_000))); err != nil {
		t.Fatal(err)
	}
	item := func(path, rest string) {
		parts := strings.Split(path, "/")
		for i, p := range parts {
			parts[i] = base64.RawURLEncoding.EncodeToString([]byte(p))
		}
		put(index, strings.Join(parts, "."), `{"size":5,"created":"2025-01-01T00:00:00Z","modified":"2025-02-02T00:00:00Z",`+rest+`}`)
	}
	text := func(s string) string { return `"inline":"` + base64.StdEncoding.EncodeToString([]byte(s)) + `"` }
	item("store/settings/default/a b/ü.json", text("small"))
	item("store/userdata/default/workflows/x.json", `"object":"OBJECT"`)
	item("file/output/animals/cat_00001_.png", text("a cat"))
	item("file/output/there.png", text("what lies on the disk is newer")+`,"home":"`+home+`"`)
	item("file/input/stale.png", text("newer")+`,"home":"`+home+`","stale":true`)
	item("file/temp/x.png", text("temporary"))
}

// expectMoved checks that all of it is there.
func expectMoved(t *testing.T, s *Server) {
	t.Helper()
	if got := [4]State{state(s, "waits"), state(s, "gone"), state(s, "ended"), state(s, "ran")}; got != [4]State{Pending, "", Success, Pending} {
		t.Errorf("the states are %q", got)
	}
	if r, _ := s.Record("ended"); r == nil || string(r.Result.Outputs["3"]) != `{"a":1}` || r.Number != 3 {
		t.Errorf("the history has %+v", r)
	}
	if n := s.NextNumber(); n != 8 {
		t.Errorf("the next number is %v", n)
	}
	for name, want := range map[string][2]string{"settings": {"default/a b/ü.json", "small"}, "userdata": {"default/workflows/x.json", strings.Repeat("large ", 100_000)}} {
		v, err := s.Values(name)
		if err != nil {
			t.Fatal(err)
		}
		value, modified, err := v.Get(t.Context(), want[0])
		if err != nil || string(value) != want[1] || modified.Year() != 2025 || modified.Month() != 2 {
			t.Errorf("%s: %d bytes of %v, %v", name, len(value), modified, err)
		}
	}
	for path, want := range map[string]string{"output/animals/cat_00001_.png": "a cat", "output/there.png": "on the disk", "input/stale.png": "newer"} {
		if text, err := os.ReadFile(filepath.Join(s.options.Data, path)); err != nil || string(text) != want {
			t.Errorf("%s holds %q, %v", path, text, err)
		}
	}
}

// oldData is a data folder with files that an older version wrote.
func oldData(t *testing.T) (data, home string) {
	t.Helper()
	data, home = t.TempDir(), "HOME"
	for path, text := range map[string]string{"id": home, "output/there.png": "on the disk", "input/stale.png": "older"} {
		at := filepath.Join(data, path)
		if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return data, home
}

func TestAnOlderQueueIsBroughtOver(t *testing.T) {
	data, home := oldData(t)
	old, err := server.NewServer(&server.Options{DontListen: true, JetStream: true, StoreDir: filepath.Join(data, "queue"), NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	old.Start()
	nc, err := nats.Connect("", nats.InProcessServer(old))
	if err != nil {
		t.Fatal(err)
	}
	oldStore(t, nc, home)
	nc.Close()
	old.Shutdown()
	old.WaitForShutdown()

	s := open(t, data)
	expectMoved(t, s)
	if _, err := os.Stat(filepath.Join(data, "queue.old", "jetstream")); err != nil {
		t.Errorf("the old folder: %v", err)
	}
	if err := s.Delete(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	// As a process leaves it that is killed before the folder has its other name: nothing comes again.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(data, "queue.old"), filepath.Join(data, "queue")); err != nil {
		t.Fatal(err)
	}
	if s = open(t, data); state(s, "waits") != "" || state(s, "ended") != Success {
		t.Errorf("the second time: %q, %q", state(s, "waits"), state(s, "ended"))
	}
}

func TestAnOlderQueueInNATSIsBroughtOver(t *testing.T) {
	data, home := oldData(t)
	old, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	old.Start()
	defer old.Shutdown()
	if !old.ReadyForConnections(time.Minute) {
		t.Fatal("the nats server does not get ready")
	}
	nc, err := nats.Connect(old.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	oldStore(t, nc, home)
	there := func(o *Options) { o.Remote = Remote{URL: old.ClientURL()} }
	s := open(t, data, there)
	expectMoved(t, s)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	if second, err := Open(ctx, Options{Data: t.TempDir(), Remote: Remote{URL: old.ClientURL()}}); err == nil || !strings.Contains(err.Error(), "another isac-host serve") {
		t.Errorf("a second server on one NATS: %v", err)
		second.Close()
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s = open(t, t.TempDir(), there); state(s, "waits") != "" {
		t.Error("what was brought over came into another folder too")
	}
}
