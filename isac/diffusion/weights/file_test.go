package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

func bytesOf(values any) []byte {
	b, err := binary.Append(nil, binary.LittleEndian, values)
	if err != nil {
		panic(err)
	}
	return b
}

func write(t *testing.T, path string, entries ...Entry) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, entries, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestRoundTrip(t *testing.T) {
	torchtest.Require(t)
	path := filepath.Join(t.TempDir(), "all.safetensors")
	dtypes := map[DType]torch.DType{F64: torch.Float64, F32: torch.Float32, F16: torch.Float16, BF16: torch.BFloat16, I64: torch.Int64,
		I32: torch.Int32, I16: torch.Int16, I8: torch.Int8, U8: torch.Uint8, Bool: torch.Bool}
	values := []float64{0, 1, 0, 1, 1, 1}
	err := torch.InScope(func() error {
		var entries []Entry
		for name, dt := range dtypes {
			entries = append(entries, FromTensor(string(name), torch.FromFloat64s(values, 2, 3).To(dt)))
		}
		entries = append(entries, FromTensor("scalar", torch.FromFloat32s([]float32{2.5}).Reshape()), Entry{Name: "none", DType: F32, Shape: []int64{0, 3}})
		return Write(path, entries, map[string]string{"made": "by a test <&>"})
	})
	if err != nil {
		t.Fatal(err)
	}
	f := open(t, path)
	if f.Metadata()["made"] != "by a test <&>" || len(f.Names()) != len(dtypes)+2 {
		t.Errorf("metadata %v, names %v", f.Metadata(), f.Names())
	}
	err = torch.InScope(func() error {
		for name, dt := range dtypes {
			got, err := f.Tensor(string(name))
			if err != nil {
				return err
			}
			if got.DType() != dt || !slices.Equal(got.Shape(), []int64{2, 3}) || !slices.Equal(got.Float64s(), values) {
				t.Errorf("%s came back as %v: %v", name, got, got.Float64s())
			}
		}
		for name, numel := range map[string]int64{"scalar": 1, "none": 0} {
			got, err := f.Tensor(name)
			if err != nil || got.Numel() != numel {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Writing is by rename and depends on the entries alone.
func TestWriteIsWholeAndTheSame(t *testing.T) {
	dir := t.TempDir()
	a := Entry{"a", F16, []int64{2}, []byte{1, 2, 3, 4}}
	b := Entry{"b", F64, []int64{1}, []byte{1, 2, 3, 4, 5, 6, 7, 8}}
	one := write(t, filepath.Join(dir, "one"), a, b)
	two := write(t, filepath.Join(dir, "two"), b, a)
	x, _ := os.ReadFile(one)
	y, _ := os.ReadFile(two)
	if !bytes.Equal(x, y) || (binary.LittleEndian.Uint64(x)+8)%8 != 0 {
		t.Errorf("%d and %d bytes, header of %d", len(x), len(y), binary.LittleEndian.Uint64(x))
	}
	if f := open(t, one); f.header.tensors["b"].begin != 0 {
		t.Errorf("b begins at %d, expected the widest first", f.header.tensors["b"].begin)
	}
	for _, bad := range [][]Entry{
		{{"a", F32, []int64{2}, make([]byte, 7)}},
		{{"a", "F99", []int64{2}, make([]byte, 8)}},
		{{"a", F32, []int64{-2}, nil}},
		{a, a},
		{{metadataKey, U8, []int64{1}, []byte{1}}},
	} {
		if err := Write(filepath.Join(dir, "bad"), bad, map[string]string{"x": "y"}); err == nil {
			t.Errorf("%v was written", bad)
		}
	}
	if err := Write(filepath.Join(dir, "no", "folder"), nil, nil); err == nil {
		t.Error("wrote into a folder that does not exist")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 2 {
		t.Errorf("files left: %v", left)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) != 0 {
		t.Errorf("files left: %v", left)
	}
}

func TestMisalignedTensorIsCopied(t *testing.T) {
	torchtest.Require(t)
	head := `{"pad":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}}`
	head += strings.Repeat(" ", (8-len(head)%8)%8)
	file := append(sealed(head, 1), bytesOf([]float32{1.5, -2})...)
	path := filepath.Join(t.TempDir(), "odd.safetensors")
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	f := open(t, path)
	err := torch.InScope(func() error {
		a, err := f.Tensor("a")
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil { // it is a copy: the file is not needed
			return err
		}
		if got := a.Float32s(); !slices.Equal(got, []float32{1.5, -2}) {
			t.Errorf("got %v", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A tensor is a copy, whether it is larger than what is read at once or not: writing to it changes neither the file nor the next copy.
func TestTensorIsACopy(t *testing.T) {
	torchtest.Require(t)
	const many = stagingSize/4*2 + 7
	large := make([]float32, many)
	for i := range large {
		large[i] = float32(i % 1000)
	}
	path := write(t, filepath.Join(t.TempDir(), "a"), Entry{"small", F32, []int64{2}, bytesOf([]float32{1, 2})}, Entry{"large", F32, []int64{1, many}, bytesOf(large)})
	f := open(t, path)
	err := torch.InScope(func() error {
		for name, want := range map[string][]float32{"small": {1, 2}, "large": large} {
			for range 2 {
				got, err := f.Tensor(name)
				if err != nil {
					return err
				}
				if !slices.Equal(got.Float32s(), want) {
					t.Errorf("%s came back otherwise", name)
				}
				got.FillInPlace(7)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A file that is cut short after Open, within a tensor or before it, is an error that names it; the process lives.
func TestFileThatShrinks(t *testing.T) {
	torchtest.Require(t)
	for _, left := range []int64{-4, -stagingSize, -3 * stagingSize, 10} {
		path := write(t, filepath.Join(t.TempDir(), "model.safetensors"), Entry{"a", F32, []int64{stagingSize / 2}, make([]byte, 2*stagingSize)})
		f := open(t, path)
		if left < 0 {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			left = max(info.Size()+left, 0)
		}
		if err := os.Truncate(path, left); err != nil {
			t.Fatal(err)
		}
		p := NewParams(f, torch.Float32, torch.CPU)
		p.Tensor("a")
		_, bytes := f.Bytes("a")
		for _, err := range []error{p.Err(), bytes} {
			if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "model.safetensors") || !strings.Contains(err.Error(), "became shorter after it was opened") {
				t.Errorf("%d bytes left: %v", left, err)
			}
		}
		p.Close()
	}
}

func TestUnsupportedTypesFailOnlyWhenAskedFor(t *testing.T) {
	torchtest.Require(t)
	f := open(t, write(t, filepath.Join(t.TempDir(), "f8"), Entry{"small", "F8_E8M0", []int64{3}, make([]byte, 3)}, Entry{"a", F32, []int64{1}, make([]byte, 4)}))
	if d, ok := f.DType("small"); d != "F8_E8M0" || !ok {
		t.Errorf("dtype %q", d)
	}
	err := torch.InScope(func() error {
		if _, err := f.Tensor("a"); err != nil {
			return err
		}
		_, err := f.Tensor("small")
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "F8_E8M0") || !strings.Contains(err.Error(), `"small"`) {
			t.Errorf("%v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFileErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("opened a folder")
	}
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(empty); !errors.Is(err, ErrFormat) {
		t.Errorf("%v", err)
	}
	f := open(t, write(t, filepath.Join(dir, "a"), Entry{"a", U8, []int64{1}, []byte{1}}))
	if _, err := f.Tensor("b"); !errors.Is(err, ErrMissing) {
		t.Errorf("%v", err)
	}
	for range 2 { // closing twice is allowed
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := f.Tensor("a"); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
	if shape, ok := f.Shape("a"); !ok || shape[0] != 1 { // the header is kept
		t.Errorf("shape %v after closing", shape)
	}
}
