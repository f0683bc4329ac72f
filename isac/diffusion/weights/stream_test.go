package weights

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// floats is a stream that writes n bytes.
func floats(name string, n int, shape ...int64) Stream {
	return Stream{Name: name, DType: F32, Shape: shape, Data: func(w io.Writer) error {
		_, err := w.Write(bytes.Repeat([]byte{1}, n))
		return err
	}}
}

func TestStreamWritesWhatWriteWrites(t *testing.T) {
	dir := t.TempDir()
	entries := []Entry{{"b", F32, []int64{2}, bytes.Repeat([]byte{1}, 8)}, {"a", F32, []int64{1, 3}, bytes.Repeat([]byte{1}, 12)}}
	if err := Write(filepath.Join(dir, "whole"), entries, map[string]string{"k": "v"}); err != nil {
		t.Fatal(err)
	}
	if err := WriteStream(filepath.Join(dir, "stream"), []Stream{floats("b", 8, 2), floats("a", 12, 1, 3)}, map[string]string{"k": "v"}); err != nil {
		t.Fatal(err)
	}
	whole, _ := os.ReadFile(filepath.Join(dir, "whole"))
	if stream, _ := os.ReadFile(filepath.Join(dir, "stream")); !bytes.Equal(whole, stream) || len(stream) == 0 {
		t.Error("the two files differ")
	}
}

func TestBrokenStreamsLeaveNoFile(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		tensors []Stream
		want    string
	}{
		"too few bytes":  {[]Stream{floats("a", 8, 2), floats("b", 4, 2)}, `tensor "b": shape [2] of F32 takes 8 bytes, 4 were written`},
		"too many bytes": {[]Stream{floats("a", 12, 2)}, "8 bytes, 12 were written"},
		"an error":       {[]Stream{{"a", F32, []int64{1}, func(io.Writer) error { return broken }}}, "broken"},
		"two mistakes":   {[]Stream{{Name: "a", DType: "F31"}, floats("b", 4, 1), floats("b", 4, 1)}, "occurs twice"},
	} {
		dir := t.TempDir()
		err := WriteStream(filepath.Join(dir, "f"), c.tensors, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q in it", name, err, c.want)
		}
		if name == "an error" && !errors.Is(err, broken) {
			t.Errorf("%s: %v does not wrap it", name, err)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%s: %d files are left", name, len(left))
		}
	}
}

func TestLocate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := WriteStream(path, []Stream{floats("x.fused", 48, 6, 2), floats("x.w", 8, 2)}, nil); err != nil {
		t.Fatal(err)
	}
	src, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	below := Prefix(src, "x.")
	derived := Derive(below, map[string]Piece{"k": {Name: "fused", Part: 1, Parts: 3}, "w": {Name: "w"}})
	for name, want := range map[string]Piece{"k": {Name: "x.fused", Part: 1, Parts: 3}, "w": {Name: "x.w"}} {
		if got, err := Locate(Renamed(derived, map[string]string{"new": name}), "new"); err != nil || got != want {
			t.Errorf("%s lies at %+v, %v; want %+v", name, got, err, want)
		}
	}
	twice := Derive(derived, map[string]Piece{"half": {Name: "k", Parts: 2}})
	if _, err := Locate(twice, "half"); !errors.Is(err, ErrUnsupported) {
		t.Errorf("a part of a part: %v", err)
	}
}
