package torch

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBringsOpenMP holds that libgomp is taken to come with libtorch where the process has it from libtorch's own folder, and not elsewhere;
// what is no shared library brings none.
func TestBringsOpenMP(t *testing.T) {
	if err := Load(""); err != nil {
		t.Skip(err)
	}
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		t.Skip("this system does not tell what libraries a process has")
	}
	defer f.Close()
	folders := map[string]string{} // of libraries, by the beginnings of their names
	for lines := bufio.NewScanner(f); lines.Scan(); {
		path := lines.Text()[strings.LastIndexByte(lines.Text(), ' ')+1:]
		name, _, _ := strings.Cut(filepath.Base(path), ".so")
		name, _, _ = strings.Cut(name, "-")
		folders[name] = filepath.Dir(path)
	}
	if folders["libgomp"] == "" || folders["libtorch_cpu"] == "" {
		t.Fatalf("no libgomp or libtorch among %v", folders)
	}
	want := folders["libgomp"] == folders["libtorch_cpu"] && !strings.HasPrefix(folders["libgomp"], "/usr/lib") && !strings.HasPrefix(folders["libgomp"], "/lib")
	if got := bringsOpenMP(loadPath); got != want {
		t.Errorf("libgomp lies in %s, libtorch in %s, and it brings OpenMP: %v", folders["libgomp"], folders["libtorch_cpu"], got)
	}
	for _, none := range []string{"waiting_test.go", "nowhere.so"} {
		if bringsOpenMP(none) {
			t.Errorf("%s brings OpenMP", none)
		}
	}
}

// TestSetWaiting holds what is set where, and that what a user has set stays.
func TestSetWaiting(t *testing.T) {
	if err := Load(""); err != nil {
		t.Skip(err)
	}
	for _, c := range []struct {
		policy, count         string
		wantPolicy, wantCount string
	}{
		{"", "", "passive", map[bool]string{true: spins}[bringsOpenMP(loadPath)]},
		{"active", "", "active", ""},
		{"", "7", "passive", "7"},
		{"passive", "", "passive", ""},
	} {
		for name, value := range map[string]string{waitEnv: c.policy, spinEnv: c.count} {
			t.Setenv(name, value)
			if value == "" {
				os.Unsetenv(name)
			}
		}
		setWaiting(loadPath)
		if policy, count := os.Getenv(waitEnv), os.Getenv(spinEnv); policy != c.wantPolicy || count != c.wantCount {
			t.Errorf("%+v: %q, %q", c, policy, count)
		}
	}
}
