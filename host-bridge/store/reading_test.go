package store

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/isac-guidance/isac/plugin"
)

// TestWorkersReadFiles holds that a worker over NATS reads files of every size, and hears why it cannot.
func TestWorkersReadFiles(t *testing.T) {
	connect := connection(t)
	d := disk(t, t.TempDir())
	large := bytes.Repeat([]byte("0123456789"), 300_000) // more than one message holds
	if _, err := d.Write(t.Context(), "input", []plugin.File{{Name: "large.png", Subfolder: "pets", Data: large}, {Name: "empty.png"}}); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	if _, err := Provide(connect(), d, log); err != nil {
		t.Fatal(err)
	}
	worker := NewRemote(connect(), log)
	if got, err := worker.Read(t.Context(), "input", "pets", "large.png"); err != nil || !bytes.Equal(got, large) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if got, err := worker.Read(t.Context(), "input", "", "empty.png"); err != nil || len(got) != 0 {
		t.Errorf("an empty file has %d bytes, %v", len(got), err)
	}
	for _, name := range []string{"none.png", "../output/x.png"} {
		if _, err := worker.Read(t.Context(), "input", "", name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Without an API server it waits for one, until who asked has had enough.
	lonely := NewRemote(connection(t)(), log)
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	if _, err := lonely.Read(ctx, "input", "", "empty.png"); err == nil {
		t.Error("a file was read from nobody")
	}
}
