package onnx

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

const childEnv = "ISAC_TEST_RUNTIME_CHILD"

// TestMain lets a test look at a fresh process, where no library is open: it opens the one named by the arguments, and says how that went.
func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	for _, path := range strings.Split(os.Getenv(childEnv), ",") {
		fmt.Printf("%s: %v\n", path, Runtime(strings.TrimPrefix(path, "default")))
	}
}

func child(t *testing.T, env ...string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func TestRuntimeErrors(t *testing.T) {
	folder := t.TempDir()
	text := filepath.Join(folder, "libonnxruntime.so.1")
	if err := os.WriteFile(text, []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	for _, c := range []struct {
		name, paths, variable string
		want                  []string
	}{
		{"a path that is not there", "/nowhere/lib.so", "", []string{"no ONNX Runtime library at /nowhere/lib.so; `pip install \"onnxruntime>=1.24\"` contains it"}},
		{"an empty folder", empty, "", []string{"no ONNX Runtime library at " + empty}},
		{"no library", text, "", []string{"cannot open " + text + " as ONNX Runtime: "}},
		{"a folder with no library", folder, "", []string{"cannot open " + text + " as ONNX Runtime: "}},
		{"the variable, and nothing else", "default", text, []string{"cannot open " + text}},
		{"twice", text + "," + text, "", []string{text + ": cannot open " + text}},
	} {
		out := child(t, childEnv+"="+c.paths, RuntimeEnv+"="+c.variable)
		for _, want := range c.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: the process says %q, not %q", c.name, out, want)
			}
		}
	}
}

func TestRuntime(t *testing.T) {
	require(t)
	if major, _, _ := strings.Cut(RuntimeVersion(), "."); major != "1" {
		t.Errorf("version %q", RuntimeVersion())
	}
	library.Lock()
	path := library.path
	library.Unlock()
	for _, again := range []string{"", path, filepath.Dir(path)} {
		if err := Runtime(again); err != nil {
			t.Errorf("again as %q: %v", again, err)
		}
	}
	if err := Runtime("/nowhere"); err == nil || !strings.Contains(err.Error(), "is open already") {
		t.Errorf("another library: error %v", err)
	}
	// A failure is not kept, and the variable may name the folder.
	out := child(t, childEnv+"=/nowhere,"+filepath.Dir(path)+",default")
	if want := filepath.Dir(path) + ": <nil>\ndefault: <nil>\n"; !strings.HasSuffix(out, want) {
		t.Errorf("the process says %q, want %q at the end", out, want)
	}
	if out := child(t, childEnv+"=default", RuntimeEnv+"="+filepath.Dir(path)); out != "default: <nil>\n" {
		t.Errorf("with the variable the process says %q", out)
	}
}

// libtorch and ONNX Runtime live in one process in the bench, and take turns.
func TestTogetherWithTorch(t *testing.T) {
	torchtest.Require(t)
	d := openYOLO(t, "yolo.onnx", nil)
	for range 3 {
		err := torch.InScope(func() error {
			ones := torch.Ones([]int64{8, 8}, torch.Float32, torch.CPU)
			if sum := ones.Matmul(ones).Sum(nil, false).Item(); sum != 512 {
				t.Errorf("a sum in libtorch is %v, want 512", sum)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		found, err := d.Detect(readPicture(t, "pictures/square.png"), []string{"cat"})
		if err != nil || len(found) != 2 {
			t.Errorf("%v, %v, want a cat and its copy", found, err)
		}
	}
}
