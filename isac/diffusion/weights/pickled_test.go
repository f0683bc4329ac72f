package weights

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
)

func pickled(name string) string { return filepath.Join("testdata", "pickled", name) }

func openTest(t *testing.T, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestPickledFiles reads files that torch.save wrote, in each layout, as PyTorch itself wrote them as safetensors.
func TestPickledFiles(t *testing.T) {
	want := openTest(t, pickled("expected.safetensors"))
	for _, name := range []string{"zip.pt", "wrapped.ckpt", "protocol4.pt", "legacy.pt"} {
		got := openTest(t, pickled(name))
		if !got.Pickled() || want.Pickled() {
			t.Errorf("%s is taken for the wrong kind", name)
		}
		if !slices.Equal(got.Names(), want.Names()) {
			t.Errorf("%s holds %q, want %q", name, got.Names(), want.Names())
		}
		for _, tensor := range want.Names() {
			a, err := got.Bytes(tensor)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := want.Bytes(tensor)
			shape, _ := got.Shape(tensor)
			wantShape, _ := want.Shape(tensor)
			dtype, _ := got.DType(tensor)
			wantType, _ := want.DType(tensor)
			if !bytes.Equal(a, b) || !slices.Equal(shape, wantShape) || dtype != wantType {
				t.Errorf("%s: %s is %s %v % x, want %s %v % x", name, tensor, dtype, shape, a, wantType, wantShape, b)
			}
			if _, ok := dtype.Torch(); !ok {
				continue
			}
			err = torch.InScope(func() error {
				made, err := got.Tensor(tensor)
				if err == nil && !bytes.Equal(made.Bytes(), b) {
					t.Errorf("%s: the tensor %s differs", name, tensor)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
}

// TestPickledExtras: what training leaves beside the weights does no harm, and embeddings keep their names.
func TestPickledExtras(t *testing.T) {
	for file, want := range map[string][]string{
		"lightning.ckpt": {"half", "weight"}, "lightning_legacy.ckpt": {"half", "weight"},
		"embedding.pt": {"string_to_param.*", "string_to_token.*"},
	} {
		if got := openTest(t, pickled(file)).Names(); !slices.Equal(got, want) {
			t.Errorf("%s holds %q, want %q", file, got, want)
		}
	}
}

// TestHostilePickles: programs are refused by what they ask for, and nothing of them is run.
func TestHostilePickles(t *testing.T) {
	for file, want := range map[string]string{
		"hostile_system.ckpt": `"posix.system"`, "hostile_system4.ckpt": `"posix.system"`, "hostile_system_legacy.ckpt": `"posix.system"`,
		"hostile_eval.ckpt": `"__builtin__.eval"`, "hostile_getattr.ckpt": `"__builtin__.getattr"`, "hostile_load.ckpt": `"torch.serialization.load"`,
		"hostile_module.ckpt": `"torch.nn.modules.container.Sequential"`, "script.pt": "TorchScript", "list.pt": "a list, expected a dictionary",
		"nothing.pt": `no tensors by name (but "step")`,
	} {
		f, err := Open(pickled(file))
		if err == nil {
			f.Close()
		}
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
	if _, err := os.Stat("hacked"); err == nil {
		t.Fatal("a pickle was run")
	}
}

// TestTruncatedPickles: a file that was cut is said to be, wherever it was.
func TestTruncatedPickles(t *testing.T) {
	for _, name := range []string{"zip.pt", "legacy.pt"} {
		whole, err := os.ReadFile(pickled(name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), name)
		for cut := 40; cut < len(whole); cut += 97 {
			if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := Open(path)
			if err == nil {
				f.Close()
				t.Errorf("%s cut to %d of %d bytes is taken", name, cut, len(whole))
			} else if !errors.Is(err, ErrFormat) {
				t.Errorf("%s cut to %d: %v", name, cut, err)
			}
		}
	}
}

// TestForeignFiles: what people have in place of weights is named.
func TestForeignFiles(t *testing.T) {
	for text, want := range map[string]string{
		"\xef\xbb\xbf\n<!DOCTYPE html><html>": "web page", "<HTML><head>": "web page", "<?xml version='1.0'?><Error>": "XML",
		`{"error":"Repository not found"}`: "JSON", "Entry not found": `begins with "Entry not found"`, "Rar!\x1a\x07\x01\x00": "RAR",
		"version https://git-lfs.github.com/spec/v1\n": "git lfs pull", "\x1f\x8b\x08\x00\x00\x00\x00\x00": "gzip",
		strings.Repeat("\x01", 257) + "ustar\x0000": "tar archive",
	} {
		path := filepath.Join(t.TempDir(), "model.ckpt")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
