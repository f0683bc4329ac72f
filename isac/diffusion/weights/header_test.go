package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sealed puts a length before a header and data behind it.
func sealed(head string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(head)))
	return append(append(b, head...), make([]byte, data)...)
}

// parseHeader reads the header of a file that is in memory.
func parseHeader(file []byte) (*header, error) {
	return readHeader(bytes.NewReader(file), int64(len(file)))
}

const oneTensor = `{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}`

func TestParseHeader(t *testing.T) {
	h, err := parseHeader(sealed(`{"__metadata__":{"format":"pt"},"b":{"dtype":"I64","shape":[],"data_offsets":[24,32]},`+
		`"empty":{"dtype":"F16","shape":[0,4],"data_offsets":[8,8]},"a":{"shape":[2,3],"data_offsets":[0,24],"dtype":"F32"}}   `, 40))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(h.names, []string{"a", "b", "empty"}) || h.metadata["format"] != "pt" || h.size != 40 {
		t.Errorf("names %v, metadata %v, %d bytes", h.names, h.metadata, h.size)
	}
	if a := h.tensors["a"]; a.dtype != F32 || !slices.Equal(a.shape, []int64{2, 3}) || a.begin != 0 || a.end != 24 {
		t.Errorf("a is %+v", a)
	}
	if b := h.tensors["b"]; b.dtype != I64 || len(b.shape) != 0 || b.end != 32 {
		t.Errorf("b is %+v", b)
	}
}

func TestParseHeaderRefuses(t *testing.T) {
	tensor := func(dtype, shape, offsets string) []byte {
		return sealed(fmt.Sprintf(`{"a":{"dtype":%s,"shape":%s,"data_offsets":%s}}`, dtype, shape, offsets), 24)
	}
	long := binary.LittleEndian.AppendUint64(nil, maxHeader+1)
	huge := binary.LittleEndian.AppendUint64(nil, 1<<63+5)
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"empty", "0 bytes are too few", nil},
		{"only a part of the length", "5 bytes are too few", []byte("\x10\x00\x00\x00\x00")},
		{"header cut", "it is truncated", sealed(oneTensor, 24)[:20]},
		{"data cut", "reach past the 23 bytes", sealed(oneTensor, 23)},
		{"length beyond the limit", "more than the format's limit", append(long, "{}"...)},
		{"length beyond 63 bits", "more than the format's limit", append(huge, "{}"...)},
		{"no JSON", "not a JSON object", sealed("hello", 0)},
		{"an array", "not a JSON object", sealed("[]", 0)},
		{"empty header", "not a JSON object", sealed("", 0)},
		{"not UTF-8", "not UTF-8", sealed("{\"\xff\":1}", 0)},
		{"JSON cut", "bad JSON", sealed(oneTensor[:30], 24)},
		{"JSON not closed", "bad JSON", sealed(oneTensor[:len(oneTensor)-1], 24)},
		{"more behind the object", "follow the JSON object", sealed(oneTensor+"{}", 24)},
		{"name twice", `"a" occurs twice`, sealed(strings.Replace(oneTensor, "{", `{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},`, 1), 24)},
		{"metadata of numbers", "not a map of strings", sealed(`{"__metadata__":{"a":1}}`, 0)},
		{"unknown dtype", `unknown dtype "F128"`, tensor(`"F128"`, `[2,3]`, `[0,24]`)},
		{"no dtype", `unknown dtype ""`, sealed(`{"a":{"shape":[2,3],"data_offsets":[0,24]}}`, 24)},
		{"dtype of wrong size", "takes 12 bytes", tensor(`"F16"`, `[2,3]`, `[0,24]`)},
		{"no shape", "no shape", sealed(`{"a":{"dtype":"F32","data_offsets":[0,24]}}`, 24)},
		{"negative size", "negative", tensor(`"F32"`, `[-2,-3]`, `[0,24]`)},
		{"size with a fraction", "cannot unmarshal", tensor(`"F32"`, `[2.5,3]`, `[0,24]`)},
		{"size beyond 64 bits", "cannot unmarshal", tensor(`"F32"`, `[99999999999999999999]`, `[0,24]`)},
		{"product beyond 64 bits", "too large", tensor(`"F32"`, `[4294967296,4294967296,4294967296]`, `[0,24]`)},
		{"product that wraps to the right size", "too large", tensor(`"F32"`, `[9223372036854775807,2,3]`, `[0,24]`)},
		{"half a byte", "no whole number of bytes", tensor(`"F4"`, `[3]`, `[0,2]`)},
		{"offsets backwards", "run backwards", tensor(`"F32"`, `[2,3]`, `[24,0]`)},
		{"negative offset", "run backwards", tensor(`"F32"`, `[2,3]`, `[-24,0]`)},
		{"offsets past the end", "reach past the 24 bytes", tensor(`"F32"`, `[2,3]`, `[8,32]`)},
		{"one offset", "expected [begin, end]", tensor(`"F32"`, `[2,3]`, `[24]`)},
		{"three offsets", "expected [begin, end]", tensor(`"F32"`, `[2,3]`, `[0,24,48]`)},
		{"no offsets", "expected [begin, end]", sealed(`{"a":{"dtype":"F32","shape":[2,3]}}`, 24)},
		{"a tensor that is a number", "cannot unmarshal", sealed(`{"a":3}`, 0)},
		{"overlap", `"a" [0, 16] and "b" [8, 24] overlap`, sealed(`{"a":{"dtype":"U8","shape":[16],"data_offsets":[0,16]},"b":{"dtype":"U8","shape":[16],"data_offsets":[8,24]}}`, 24)},
		{"overlap within another", "overlap", sealed(`{"a":{"dtype":"U8","shape":[16],"data_offsets":[0,16]},"b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}}`, 24)},
		{"zip of pickles", "it is truncated", append([]byte("PK\x03\x04"), make([]byte, 100)...)},
		{"old pickle", "it is truncated", []byte("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9")},
		{"GGUF", "GGUF", append([]byte("GGUF"), make([]byte, 100)...)},
		{"LFS pointer", "git lfs pull", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\n")},
		{"web page", "web page", []byte("<!DOCTYPE html><html></html>")},
	} {
		_, err := parseHeader(c.file)
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, expected %q", c.name, err, c.want)
		}
	}
}

// A header's length may begin as other formats do: 640 bytes are 80 02, as of pickles. Writers pad headers with spaces.
func TestLengthsThatLookLikeOtherFormats(t *testing.T) {
	for _, n := range []int{0x0280, 0x10280, 0x04034b50} {
		if _, err := parseHeader(sealed(oneTensor+strings.Repeat(" ", n-len(oneTensor)), 24)); err != nil {
			t.Errorf("a header of %#x bytes: %v", n, err)
		}
	}
}

func TestParseHeaderListsAllMistakes(t *testing.T) {
	var b strings.Builder
	for i := range 30 {
		fmt.Fprintf(&b, `,"t%02d":{"dtype":"X","shape":[],"data_offsets":[0,0]}`, i)
	}
	_, err := parseHeader(sealed("{"+b.String()[1:]+"}", 0))
	if err == nil {
		t.Fatal("accepted")
	}
	if s := err.Error(); !strings.Contains(s, `"t00"`) || !strings.Contains(s, `"t19"`) || strings.Contains(s, `"t20"`) || !strings.Contains(s, "and 10 more") {
		t.Errorf("%v", err)
	}
}

// FuzzHeader holds that whatever is accepted is sound, and comes back the same when it is written again.
func FuzzHeader(f *testing.F) {
	for _, head := range []string{oneTensor, "{}", `{"__metadata__":{"a":"b"}}`, `{"a":{"dtype":"F8_E4M3","shape":[24],"data_offsets":[0,24]}}`,
		`{"a":{"dtype":"U8","shape":[16],"data_offsets":[0,16]},"b":{"dtype":"I64","shape":[1],"data_offsets":[16,24]}}`, "[", `{"a":null}`} {
		f.Add(sealed(head, 24))
	}
	if tiny, err := os.ReadFile(filepath.Join("testdata", "tiny_ldm.safetensors")); err == nil {
		f.Add(tiny[:2000]) // cut within its header
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, file []byte) {
		h, err := parseHeader(file)
		if err != nil {
			if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrUnsupported) { // the latter of pickles
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		if h.pickled {
			return // see FuzzRead of package pickle
		}
		used := make([]int, h.size)
		var entries []Entry
		for _, name := range h.names {
			e := h.tensors[name]
			for i := e.begin; i < e.end; i++ {
				used[i]++
			}
			entries = append(entries, Entry{name, e.dtype, e.shape, file[h.data+e.begin : h.data+e.end]})
		}
		if slices.Contains(used, 2) {
			t.Fatal("two tensors share a byte")
		}
		path := filepath.Join(dir, "again.safetensors")
		if err := Write(path, entries, h.metadata); err != nil {
			t.Fatalf("cannot be written again: %v", err)
		}
		again, err := Open(path)
		if err != nil {
			t.Fatalf("cannot be read again: %v", err)
		}
		defer again.Close()
		if !slices.Equal(again.Names(), h.names) || len(again.Metadata()) != len(h.metadata) {
			t.Fatalf("names %v became %v", h.names, again.Names())
		}
		for _, e := range entries {
			shape, _ := again.Shape(e.Name)
			dtype, _ := again.DType(e.Name)
			data, err := again.Bytes(e.Name)
			if err != nil || !slices.Equal(shape, e.Shape) || dtype != e.DType || !bytes.Equal(data, e.Data) {
				t.Fatalf("tensor %q became %s %v, %v", e.Name, dtype, shape, err)
			}
		}
	})
}

// manyTensors is a file of n tensors of one byte.
func manyTensors(n int) []byte {
	b := []byte("{")
	for i := range n {
		b = fmt.Appendf(b, `"model.diffusion_model.middle_block.%d.weight":{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]},`, i, i, i+1)
	}
	b[len(b)-1] = '}'
	return sealed(string(b), n)
}

// BenchmarkHeader shows that the time for one tensor does not grow with their number.
func BenchmarkHeader(b *testing.B) {
	for _, n := range []int{2_000, 20_000, 200_000} {
		file := manyTensors(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if _, err := parseHeader(file); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/tensor")
		})
	}
}
