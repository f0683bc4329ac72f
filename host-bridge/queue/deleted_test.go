package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/host-bridge/store"
)

// killed opens what another process finds that begins after this one was killed: the folder as it is now.
func killed(t *testing.T, s *Server) *Server {
	t.Helper()
	data := t.TempDir()
	if err := os.CopyFS(data, os.DirFS(s.options.Data)); err != nil {
		t.Fatal(err)
	}
	return open(t, data)
}

// What was deleted is gone after a kill: prompts that waited, prompts that had ended, and values. There is nothing to wait for first, as no
// part of a deletion expires; e2e waits all the same.
func TestDeletedStaysDeleted(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { deleted(t, rand.New(rand.NewPCG(seed, 0))) })
	}
}

func deleted(t *testing.T, random *rand.Rand) {
	s := open(t, t.TempDir())
	stop := take(t, s.Conn(), "w", &fake{})
	put(t, s, "ended1", "ended2", "ended3")
	eventually(t, "three have ended", func() bool { return len(s.History()) == 3 })
	stop()
	values, err := s.Values("userdata")
	if err != nil {
		t.Fatal(err)
	}
	large := json.RawMessage(`{"x":"` + strings.Repeat("x", 1<<20) + `"}`)
	for _, id := range []string{"first", "deleted1", "kept", "deleted2", "deleted3"} {
		if err := s.Put(t.Context(), Prompt{ID: id, Number: s.NextNumber(), Workflow: large}); err != nil {
			t.Fatal(err)
		}
		if err := values.Put(t.Context(), id, large); err != nil {
			t.Fatal(err)
		}
	}
	deletions := []func() error{
		func() error { return s.Delete(t.Context(), []string{"deleted1", "first"}) },
		func() error { return s.Delete(t.Context(), []string{"deleted2", "kept2"}) },
		func() error { return s.Delete(t.Context(), []string{"deleted3"}) },
		func() error { return s.Forget(t.Context(), []string{"ended2"}) },
		func() error { return s.Forget(t.Context(), []string{"ended1", "kept"}) },
		func() error { return values.Delete(t.Context(), "deleted1") },
		func() error { return values.Delete(t.Context(), "first") },
	}
	random.Shuffle(len(deletions), func(i, j int) { deletions[i], deletions[j] = deletions[j], deletions[i] })
	for _, d := range deletions {
		if err := d(); err != nil {
			t.Fatal(err)
		}
		if random.IntN(3) == 0 { // what was deleted by then is gone whatever follows
			expectSame(t, s, killed(t, s))
		}
	}
	expect := func(s *Server, pending ...string) {
		t.Helper()
		if _, got := s.Snapshot(); !slices.Equal(idsOf(got), pending) || !slices.Equal(idsOf(s.History()), []string{"ended3"}) {
			t.Errorf("pending are %v, ended %v", idsOf(got), idsOf(s.History()))
		}
		v, err := s.Values("userdata")
		if err != nil {
			t.Fatal(err)
		}
		list, err := v.List(t.Context(), "")
		if err != nil || !slices.Equal(keysOf(list), []string{"deleted2", "deleted3", "kept"}) {
			t.Errorf("the values are %v, %v", keysOf(list), err)
		}
		if _, _, err := v.Get(t.Context(), "first"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a value that was deleted: %v", err)
		}
	}
	expect(s, "kept")
	next := killed(t, s)
	expect(next, "kept")
	put(t, next, "new")
	next = killed(t, next)
	expect(next, "kept", "new")
	w := &fake{}
	take(t, next.Conn(), next.LocalWorker(), w)
	eventually(t, "the rest has run", func() bool { return len(next.History()) == 3 })
	if got := w.order(); !slices.Equal(got, []string{"kept", "new"}) {
		t.Errorf("after the kill ran %v", got)
	}
}

// expectSame checks that a queue after a kill has what the one before it had.
func expectSame(t *testing.T, before, after *Server) {
	t.Helper()
	_, a := before.Snapshot()
	_, b := after.Snapshot()
	if !slices.Equal(idsOf(a), idsOf(b)) || !slices.Equal(idsOf(before.History()), idsOf(after.History())) {
		t.Errorf("before the kill waited %v and had ended %v, after it %v and %v", idsOf(a), idsOf(before.History()), idsOf(b), idsOf(after.History()))
	}
}

func keysOf(entries []store.Entry) []string {
	var keys []string
	for _, e := range entries {
		keys = append(keys, e.Key)
	}
	return keys
}

// Random bytes in the ledger are noticed when the queue is opened.
func TestADamagedLedger(t *testing.T) {
	data := t.TempDir()
	s := open(t, data)
	put(t, s, "a", "b", "c")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(data + "/ledger")
	if err != nil {
		t.Fatal(err)
	}
	copy(text[len(text)/2:], "random bytes")
	if err := os.WriteFile(data+"/ledger", text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Data: data}); err == nil || !strings.Contains(err.Error(), data+"/ledger is damaged at byte ") {
		t.Errorf("the error is %v", err)
	}
}
