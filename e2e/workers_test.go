//go:build linux

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/isac-guidance/isac/plugin/await"
)

func decode(t *testing.T, text []byte, to any) {
	t.Helper()
	if err := json.Unmarshal(text, to); err != nil {
		t.Fatalf("%v: %.200s", err, text)
	}
}

func TestTwoWorkersShareWhileOneIsKilled(t *testing.T) {
	data := t.TempDir()
	s := serve(t, data, "--no-worker", "--nats-listen", "127.0.0.1:0")
	// Who may read the folder may work for it.
	address, err := os.ReadFile(filepath.Join(data, "nats.url"))
	if err != nil {
		t.Fatal(err)
	}
	one := serveProcess(t, "worker", "--nats", string(address))
	two := serveProcess(t, "worker", "--nats", string(address))
	var all []string
	for i := range 40 {
		all = append(all, s.put(prompt(i, 8)))
	}
	await.Until(t, patience, "the workers have run 12 prompts", func() bool { return len(s.history()) >= 12 })
	plugins := one.plugins()
	one.signal(syscall.SIGKILL)
	<-one.done
	entries := s.await(patience, all...)
	if len(entries) != len(all) {
		t.Errorf("the history has %d entries of %d prompts", len(entries), len(all))
	}
	for _, id := range all {
		if e := entries[id]; e.Status.Text != "success" {
			t.Errorf("prompt %s ended as %+v", id, e.Status)
		}
	}
	expectAllGone(t, plugins)
	if status := two.stop(syscall.SIGTERM, patience); status != 0 {
		t.Errorf("the worker's status after SIGTERM is %d", status)
	}
}
