package torch_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// childEnv makes TestMain's process one that only loads the library and prints what comes of it. A process loads once, so each
// case of TestLoadErrors needs its own.
const childEnv = "ISAC_TORCH_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	if err := torch.Load(""); err != nil {
		os.Stdout.WriteString("Load: " + err.Error() + "\n")
	}
	err := torch.Try(func() error { torch.Ones([]int64{1}, torch.Float32, torch.CPU).Close(); return nil })
	if err != nil {
		os.Stdout.WriteString("op: " + err.Error() + "\n")
	}
	for _, f := range torch.Diagnose(torch.CPU) {
		os.Stdout.WriteString(string(f.Level) + ": " + f.What + " | " + f.Remedy + "\n")
	}
}

// child runs this test binary with the library at path, in a folder without a module.
func child(t *testing.T, path string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), childEnv+"=1", torch.ShimEnv+"="+path)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("the child failed: %v\n%s", err, out)
	}
	return string(out)
}

// library compiles a C file into a shared library.
func library(t *testing.T, source string) string {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler")
	}
	dir := t.TempDir()
	c, so := filepath.Join(dir, "x.c"), filepath.Join(dir, "x.so")
	if err := os.WriteFile(c, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(cc, "-shared", "-fPIC", "-o", so, c).CombinedOutput(); err != nil {
		t.Fatalf("cc: %v\n%s", err, out)
	}
	return so
}

func TestLoadErrors(t *testing.T) {
	garbage := filepath.Join(t.TempDir(), "garbage.so")
	if err := os.WriteFile(garbage, []byte("not a library"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, path, want string }{
		{"nowhere", "", "torch.load: libisactorch.so not found; run `make shim`, or set ISAC_TORCH_SHIM to its path (looked at /"},
		{"a path that does not exist", "/nonexistent/lib.so", "torch.load: cannot open /nonexistent/lib.so: it does not exist; run `make shim`"},
		{"not a library", garbage, "torch.load: cannot open " + garbage + ": "},
		{"another library", library(t, "int x;"), "it does not export isac_torch_abi and isac_torch_open, so it is not libisactorch.so"},
		{"another version", library(t, "unsigned long isac_torch_abi(void) { return 1; } void *isac_torch_open(void *f) { return 0; }"),
			"was built for another version of isac/torch (ABI 0000000000000001, this program needs "},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := child(t, c.path)
			for _, from := range []string{"Load: ", "op: ", "error: "} {
				line := ""
				for _, l := range strings.Split(out, "\n") {
					if strings.HasPrefix(l, from) {
						line = l
					}
				}
				if !strings.Contains(line, c.want) || !strings.Contains(line, "make shim") {
					t.Errorf("line %q\nshould contain %q and name `make shim`; whole output:\n%s", line, c.want, out)
				}
			}
		})
	}
}

func TestLoadTwice(t *testing.T) {
	torchtest.Require(t)
	info := torch.GetInfo()
	if err := torch.Load(info.Library); err != nil {
		t.Errorf("the same library again: %v", err)
	}
	if err := torch.Load("/other.so"); err == nil || !strings.Contains(err.Error(), "is loaded already") {
		t.Errorf("another library: %v", err)
	}
	if info.Version == "" || info.LibTorch == "" || len(info.ABI) != 16 || info.Threads < 1 || info.Devices[0].Device != torch.CPU || info.Devices[0].Total == 0 {
		t.Errorf("GetInfo %+v", info)
	}
	if os.Getenv("OMP_WAIT_POLICY") == "" {
		t.Error("OMP_WAIT_POLICY is not set")
	}
}
