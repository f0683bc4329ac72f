package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func openTest(t *testing.T, dir string) *Journal {
	t.Helper()
	j, err := OpenJournal(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() }) // some tests close it before
	return j
}

// content is all that a journal holds.
func content(t *testing.T, j *Journal) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, key := range j.Keys("") {
		value, err := j.Get(key)
		if err != nil {
			t.Fatal(err)
		}
		all[key] = string(value)
	}
	return all
}

// killed gives what another process finds that opens the folder as it is now: what one leaves that is killed. cut is how many bytes
// less it has.
func killed(t *testing.T, dir string, cut int) (map[string]string, error) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, journalName))
	if err != nil {
		t.Fatal(err)
	}
	copied := t.TempDir()
	if err := os.WriteFile(filepath.Join(copied, journalName), text[:len(text)-cut], 0o600); err != nil {
		t.Fatal(err)
	}
	j, err := OpenJournal(copied, nil)
	if err != nil {
		return nil, err
	}
	defer j.Close()
	return content(t, j), nil
}

func TestJournal(t *testing.T) {
	dir := t.TempDir()
	j := openTest(t, dir)
	for key, value := range map[string]string{"a": "1", "b": "", "ü/☃": strings.Repeat("x", 3<<20)} {
		if err := j.Put(key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(j.Put("a", []byte("2")), j.Delete("b"), j.Delete("nothing")); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Get("b"); !errors.Is(err, fs.ErrNotExist) || j.Has("b") {
		t.Errorf("what was deleted: %v", err)
	}
	want := map[string]string{"a": "2", "ü/☃": strings.Repeat("x", 3<<20)}
	if got := content(t, j); !maps.Equal(got, want) {
		t.Errorf("it holds %d values", len(got))
	}
	if got, err := killed(t, dir, 0); err != nil || !maps.Equal(got, want) {
		t.Errorf("after a kill it holds %d values, %v", len(got), err)
	}
}

// Whatever was said to be done is done after a kill at any moment, and nothing else: over random changes with snapshots between them.
func TestAKillAtAnyMoment(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	dir := t.TempDir()
	j := openTest(t, dir)
	model := map[string]string{}
	for i := range 300 {
		key, before := fmt.Sprint("key", random.IntN(12)), maps.Clone(model)
		size := j.end
		var err error
		switch random.IntN(8) {
		case 0:
			j.mu.Lock()
			err = j.snapshot()
			j.mu.Unlock()
			size = 0
		case 1, 2, 3:
			delete(model, key)
			err = j.Delete(key)
		default:
			model[key] = strings.Repeat(fmt.Sprint(i, " "), random.IntN(2000))
			err = j.Put(key, []byte(model[key]))
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, err := killed(t, dir, 0); err != nil || !maps.Equal(got, model) {
			t.Fatalf("change %d: after a kill it holds %v, %v", i, slices.Sorted(maps.Keys(got)), err)
		}
		// In the middle of the last change it is as before.
		if grown := j.end - size; size > 0 && grown > 0 {
			if got, err := killed(t, dir, 1+random.IntN(int(grown)-1)); err != nil || !maps.Equal(got, before) {
				t.Fatalf("change %d: after a kill in the middle of it it holds %v, %v", i, slices.Sorted(maps.Keys(got)), err)
			}
		}
	}
}

// A byte that is not as it was written is noticed, wherever it lies.
func TestDamageIsNoticed(t *testing.T) {
	dir := t.TempDir()
	j := openTest(t, dir)
	for i := range 20 {
		if err := errors.Join(j.Put(fmt.Sprint("key", i%5), bytes.Repeat([]byte{byte(i)}, 20)), j.Delete(fmt.Sprint("key", i%3))); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, journalName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := func(text []byte, what string) {
		t.Helper()
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if j, err := OpenJournal(dir, nil); err == nil {
			j.Close()
			t.Errorf("%s: not noticed", what)
		} else if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", what, err)
		}
	}
	random := rand.New(rand.NewPCG(2, 2))
	for at := range whole {
		text := bytes.Clone(whole)
		text[at] ^= byte(1 + random.IntN(255))
		damaged(text, fmt.Sprint("byte ", at))
	}
	for range 50 {
		text := bytes.Clone(whole)
		at := random.IntN(len(text) - 40)
		for i := range 40 {
			text[at+i] = byte(random.Uint32())
		}
		damaged(text, fmt.Sprint("40 bytes at ", at))
	}
	damaged(append(bytes.Clone(whole), "what somebody else has written here"...), "bytes behind the end")
	damaged(nil, "an empty file")
	damaged(bytes.Repeat([]byte("no ledger "), 100), "another file")
}

// A machine that loses its power may leave zeros where something was being written.
func TestZerosAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	j := openTest(t, dir)
	if err := errors.Join(j.Put("a", []byte("1")), os.Truncate(j.path(), j.end+5000)); err != nil {
		t.Fatal(err)
	}
	if got, err := killed(t, dir, 0); err != nil || got["a"] != "1" {
		t.Errorf("it holds %v, %v", got, err)
	}
}

// A write that fails changes nothing, and the next one goes on as soon as it can.
func TestAWriteThatFails(t *testing.T) {
	dir := t.TempDir()
	j := openTest(t, dir)
	if err := j.Put("a", []byte("1")); err != nil {
		t.Fatal(err)
	}
	good := j.file
	bad, err := os.Open(j.path()) // to read alone: nothing can be written, and nothing cut off
	if err != nil {
		t.Fatal(err)
	}
	defer bad.Close()
	j.file = bad
	if err := j.Put("a", []byte("2")); err == nil {
		t.Error("it was written")
	}
	if err := j.Delete("a"); err == nil {
		t.Error("it was deleted")
	}
	if value, err := j.Get("a"); err != nil || string(value) != "1" {
		t.Errorf("it holds %q, %v", value, err)
	}
	j.file = good
	if _, err := good.WriteAt([]byte("half of an entry"), j.end); err != nil { // as a full disk leaves it
		t.Fatal(err)
	}
	if err := j.Put("b", []byte("3")); err != nil {
		t.Fatal(err)
	}
	if got, err := killed(t, dir, 0); err != nil || !maps.Equal(got, map[string]string{"a": "1", "b": "3"}) {
		t.Errorf("afterwards it holds %v, %v", got, err)
	}
}

// The file does not grow for ever, and what was deleted does not stay in it.
func TestTheJournalStaysSmall(t *testing.T) {
	dir := t.TempDir()
	j := openTest(t, dir)
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	for range 3 * snapshotBytes / len(large) {
		if err := j.Put("a", large); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(j.path()); err != nil || info.Size() > snapshotBytes+3*int64(len(large)) {
		t.Errorf("one value of %d bytes takes %v, %v", len(large), info.Size(), err)
	}
	if err := errors.Join(j.Put("b", []byte("2")), j.Delete("a"), j.Close()); err != nil {
		t.Fatal(err)
	}
	j = openTest(t, dir)
	if info, err := os.Stat(j.path()); err != nil || info.Size() > 1000 {
		t.Errorf("after a start it has %d bytes, %v", info.Size(), err)
	}
	if got := content(t, j); !maps.Equal(got, map[string]string{"b": "2"}) {
		t.Errorf("it holds %d values", len(got))
	}
	if _, err := os.Stat(filepath.Join(dir, newName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the snapshot's other name: %v", err)
	}
}
