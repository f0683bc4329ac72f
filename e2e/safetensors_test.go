//go:build linux

package e2e

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// The files of the mini model, by the part that they hold.
const (
	unetFile = "unet/diffusion_pytorch_model.safetensors"
	textFile = "text_encoder/model.safetensors"
	vaeFile  = "vae/diffusion_pytorch_model.safetensors"
)

// model is a copy of the mini model that a test may break: links to the real files until one is changed.
type model struct {
	t *testing.T
	// models is the directory of models, in which this is the only one; it is called "broken".
	models, dir string
}

func copyModel(t *testing.T) *model {
	t.Helper()
	m := &model{t: t, models: t.TempDir()}
	m.dir = filepath.Join(m.models, "broken")
	source := filepath.Join(root, "examples", "mini", "model")
	for _, name := range files(t, source) {
		info, err := os.Stat(filepath.Join(source, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			continue
		}
		to := filepath.Join(m.dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(source, name), to); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func (m *model) remove(name string) {
	m.t.Helper()
	if err := os.Remove(filepath.Join(m.dir, name)); err != nil {
		m.t.Fatal(err)
	}
}

// pipe puts a pipe that nobody writes to in the place of the link.
func (m *model) pipe(name string) {
	m.t.Helper()
	m.remove(name)
	if err := syscall.Mkfifo(filepath.Join(m.dir, name), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// change puts a file of other content in the place of the link.
func (m *model) change(name string, change func([]byte) []byte) {
	m.t.Helper()
	data, err := os.ReadFile(filepath.Join(m.dir, name))
	if err != nil {
		m.t.Fatal(err)
	}
	m.remove(name)
	if err := os.WriteFile(filepath.Join(m.dir, name), change(data), 0o666); err != nil {
		m.t.Fatal(err)
	}
}

// tensors is a safetensors file taken apart.
type tensors struct {
	header map[string]*tensorEntry
	data   []byte
}

type tensorEntry struct {
	DType   string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// edit changes tensors of a file and writes it whole again.
func (m *model) edit(name string, edit func(*tensors)) {
	m.t.Helper()
	m.change(name, func(data []byte) []byte {
		size := binary.LittleEndian.Uint64(data)
		all := map[string]json.RawMessage{}
		if err := json.Unmarshal(data[8:8+size], &all); err != nil {
			m.t.Fatal(err)
		}
		delete(all, "__metadata__")
		f := &tensors{header: map[string]*tensorEntry{}, data: data[8+size:]}
		for key, text := range all {
			e := new(tensorEntry)
			if err := json.Unmarshal(text, e); err != nil {
				m.t.Fatal(err)
			}
			f.header[key] = e
		}
		edit(f)
		header, err := json.Marshal(f.header)
		if err != nil {
			m.t.Fatal(err)
		}
		return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), f.data...)
	})
}

func (f *tensors) tensor(t *testing.T, name string) *tensorEntry {
	t.Helper()
	e := f.header[name]
	if e == nil {
		t.Fatalf("the mini model has no tensor %s", name)
	}
	return e
}

// poison writes a 16-bit pattern into all elements of a half-precision tensor.
func (f *tensors) poison(t *testing.T, name string, bits uint16) {
	t.Helper()
	e := f.tensor(t, name)
	if e.DType != "F16" {
		t.Fatalf("%s is %s", name, e.DType)
	}
	for at := e.Offsets[0]; at < e.Offsets[1]; at += 2 {
		binary.LittleEndian.PutUint16(f.data[at:], bits)
	}
}

// drop takes a tensor out of the header and its bytes out of the data.
func (f *tensors) drop(t *testing.T, name string) {
	t.Helper()
	e := f.tensor(t, name)
	from, to := e.Offsets[0], e.Offsets[1]
	f.data = append(append([]byte{}, f.data[:from]...), f.data[to:]...)
	delete(f.header, name)
	for _, other := range f.header {
		if other.Offsets[0] >= to {
			other.Offsets[0] -= to - from
			other.Offsets[1] -= to - from
		}
	}
}

// random gives bytes that look like nothing.
func random(size int) []byte {
	data := make([]byte, size)
	state := uint64(0x9E3779B97F4A7C15)
	for i := range data {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		data[i] = byte(state)
	}
	return data
}
