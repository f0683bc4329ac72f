package store

import (
	"bytes"
	"errors"
	"io/fs"
	"testing"
	"time"
)

func TestValues(t *testing.T) {
	j := openTest(t, t.TempDir())
	v, err := j.Values("userdata")
	if err != nil {
		t.Fatal(err)
	}
	large := bytes.Repeat([]byte("x\n"), 8<<20)
	keys := []string{"default/workflows/my graph.json", "default/workflows/ünï/☃.json", "default/x.y*>z", "other/a"}
	for _, key := range keys {
		if err := v.Create(t.Context(), key, []byte(key)); err != nil {
			t.Errorf("%q: %v", key, err)
		}
		if err := v.Create(t.Context(), key, nil); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%q again: %v", key, err)
		}
	}
	before, err := v.List(t.Context(), keys[0])
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Millisecond) // for the times to differ
	if err := v.Put(t.Context(), keys[0], large); err != nil {
		t.Fatal(err)
	}
	if value, _, err := v.Get(t.Context(), keys[0]); err != nil || !bytes.Equal(value, large) {
		t.Errorf("the large value has %d bytes, %v", len(value), err)
	}
	entries, err := v.List(t.Context(), "default/workflows/")
	if err != nil || len(entries) != 2 || entries[0].Key != keys[0] || entries[0].Size != int64(len(large)) || entries[1].Key != keys[1] {
		t.Errorf("the entries are %+v, %v", entries, err)
	}
	if e := entries[0]; !e.Created.Equal(before[0].Created) || !e.Modified.After(before[0].Modified) {
		t.Errorf("made %v and changed %v, before %v and %v", e.Created, e.Modified, before[0].Created, before[0].Modified)
	}
	if err := v.Delete(t.Context(), keys[1]); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{keys[1], "nothing"} {
		if _, _, err := v.Get(t.Context(), key); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", key, err)
		}
		if err := v.Delete(t.Context(), key); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("delete %q: %v", key, err)
		}
	}
	for _, key := range []string{"", "a\xff", string(make([]byte, maxKey+1))} {
		if err := v.Put(t.Context(), key, nil); err == nil {
			t.Errorf("key %.10q was taken", key)
		}
	}
	if _, err := j.Values("a/b"); err == nil {
		t.Error("a name with a slash was taken")
	}
}
