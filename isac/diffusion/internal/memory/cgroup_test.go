package memory

import (
	"os"
	"path/filepath"
	"testing"
)

// write makes files below a new folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestCgroupFree(t *testing.T) {
	const stat = "anon 1\ninactive_file 100\ntotal_inactive_file 100\nactive_file 7\n"
	for name, c := range map[string]struct {
		self  string
		files map[string]string
		want  int64
	}{
		"version 2, of its own": {"0::/a/b\n", map[string]string{
			"a/b/memory.max": "1000\n", "a/b/memory.current": "400\n", "a/b/memory.stat": stat, "a/memory.max": "max\n", "a/memory.current": "5\n"}, 700},
		"version 2, of the group around it": {"0::/a/b\n", map[string]string{
			"a/b/memory.max": "max\n", "a/b/memory.current": "400\n", "a/memory.max": "450\n", "a/memory.current": "420\n"}, 30},
		"in a container, whose path is the host's": {"0::/docker/x\n", map[string]string{"memory.max": "1000\n", "memory.current": "1200\n"}, 0},
		"version 1":     {"4:cpu,memory:/a\n1:name=x:/\n", map[string]string{"memory/a/memory.limit_in_bytes": "900\n", "memory/a/memory.usage_in_bytes": "500\n", "memory/a/memory.stat": stat}, 500},
		"without limit": {"0::/\n", map[string]string{"memory.current": "5\n"}, Unlimited},
		"none":          {"", nil, Unlimited},
	} {
		mount := write(t, c.files)
		self := filepath.Join(t.TempDir(), "cgroup")
		if err := os.WriteFile(self, []byte(c.self), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := cgroupFree(self, mount); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
