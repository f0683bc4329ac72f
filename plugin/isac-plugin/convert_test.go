//go:build unix

package main_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

func pickledFile(name string) string {
	return filepath.Join("..", "..", "isac", "diffusion", "weights", "testdata", filepath.FromSlash(name))
}

// TestConvert writes a checkpoint as safetensors, of which each tensor and the family are the same.
func TestConvert(t *testing.T) {
	dir := t.TempDir()
	from, to := pickledFile("tiny_ldm.ckpt"), filepath.Join(dir, "tiny_ldm.safetensors")
	stdout, stderr, status := command(t, []string{nowhere}, "convert", from, "--out", dir)
	if status != 0 || !strings.Contains(stdout, to) {
		t.Fatalf("status %d: %s%s", status, stdout, stderr)
	}
	var opened [2]*family.Files
	for i, path := range []string{from, to} {
		m, err := family.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		opened[i] = m
	}
	a, b := opened[0].Raw.(*weights.File), opened[1].Raw.(*weights.File)
	if !slices.Equal(a.Names(), b.Names()) || opened[0].Family != opened[1].Family || len(a.Names()) < 100 {
		t.Fatalf("%d tensors of %s, and %d of %s", len(a.Names()), opened[0].Family.Title, len(b.Names()), opened[1].Family.Title)
	}
	for _, name := range a.Names() {
		x, err := a.Bytes(name)
		y, err2 := b.Bytes(name)
		if err != nil || err2 != nil || !slices.Equal(x, y) {
			t.Fatalf("%s differs (%v, %v)", name, err, err2)
		}
	}
	for path, hint := range map[string]bool{from: true, to: false} {
		if stdout, _, status := command(t, []string{nowhere}, "models", path); status != 0 || strings.Contains(stdout, "isac-plugin convert") != hint {
			t.Errorf("models of %s says %s", path, stdout)
		}
	}
}

func TestConvertRefuses(t *testing.T) {
	dir := t.TempDir()
	there := filepath.Join(dir, "zip.safetensors")
	if err := os.WriteFile(there, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr, status := command(t, []string{nowhere}, "convert", pickledFile("pickled/zip.pt"), pickledFile("pickled/hostile_system.ckpt"),
		pickledFile("pickled/expected.safetensors"), filepath.Join(dir, "none.ckpt"), pickledFile("pickled/embedding.pt"), "-o", dir)
	for _, want := range []string{"zip.safetensors already exists", "posix.system", "safetensors file already", "none.ckpt"} {
		if status == 0 || !strings.Contains(stderr, want) {
			t.Errorf("status %d: %s does not say %q", status, stderr, want)
		}
	}
	if text, err := os.ReadFile(there); err != nil || string(text) != "mine" {
		t.Errorf("what was there is now %q (%v)", text, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "embedding.safetensors")); err != nil {
		t.Errorf("a sound file among others: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "hostile_system.safetensors")); err == nil {
		t.Error("a file that was refused was written")
	}
}
