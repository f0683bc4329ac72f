//go:build unix

package comfyapi

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestPipes: what is no plain file is neither opened, which would hang, nor listed, in the folder of outputs and in those of models.
func TestPipes(t *testing.T) {
	models := t.TempDir()
	checkpoints := filepath.Join(models, "checkpoints")
	if err := os.Mkdir(checkpoints, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		if err := os.Symlink("..", filepath.Join(checkpoints, fmt.Sprint("up", i))); err != nil {
			t.Fatal(err)
		}
	}
	q, data := openRealAt(t)
	_, web := start(t, q, func(c *Config) { c.Models = []string{models} })
	for _, pipe := range []string{filepath.Join(data, "output", "pipe.png"), filepath.Join(checkpoints, "pipe.safetensors"), filepath.Join(checkpoints, "pipe.png")} {
		if err := syscall.Mkfifo(pipe, 0o600); err != nil {
			t.Skip(err)
		}
	}
	if err := os.WriteFile(filepath.Join(checkpoints, "real.safetensors"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	for _, row := range []struct {
		path   string
		status int
		text   string
	}{
		{"/view?filename=pipe.png", 404, "there is no output file"},
		{"/view?filename=pipe.png&preview=webp", 404, "there is no output file"},
		{"/internal/files/output", 200, "[]"},
		{"/models/checkpoints", 200, `["mini","other.safetensors"]`},
		{"/experiment/models/checkpoints", 200, `"name":"real.safetensors"`},
		{"/view_metadata/checkpoints?filename=pipe.safetensors", 404, "with metadata"},
		{"/experiment/models/preview/checkpoints/0/pipe.safetensors", 404, "there is no picture"},
	} {
		if status, _, text := call(t, "GET", web.URL+row.path, ""); status != row.status || !strings.Contains(text, row.text) {
			t.Errorf("%s: %d %s", row.path, status, text)
		}
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}
