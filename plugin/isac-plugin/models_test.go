//go:build unix

package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// synthetic writes small checkpoints with the program itself, without libtorch, and a file that is none.
func synthetic(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, args := range [][]string{
		{"--family", "sd3", "--out", "three.safetensors", "--dtype", "bf16"},
		{"--family", "sd2-v", "--out", "two", "--layout", "folder", "--seed", "4"},
	} {
		args[3] = filepath.Join(dir, args[3])
		stdout, stderr, status := command(t, []string{nowhere}, append([]string{"synth", "--size", "small"}, args...)...)
		if status != 0 || !strings.Contains(stdout, " tensors, ") || !strings.Contains(stdout, args[3]) {
			t.Fatalf("status %d: %s%s", status, stdout, stderr)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "page.safetensors"), []byte("<!DOCTYPE html>"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSynthRefuses(t *testing.T) {
	there := t.TempDir()
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"unknown family": {[]string{"--family", "sd4", "--out", filepath.Join(there, "x")}, `must be one of "sd1"`},
		"what is there":  {[]string{"--family", "sd1", "--size", "small", "--out", there}, "already exists: remove it, or give another name"},
		"no folder":      {[]string{"--family", "sd1", "--size", "small", "--out", filepath.Join(there, "a", "b")}, "no such file or directory"},
	} {
		_, stderr, status := command(t, []string{nowhere}, append([]string{"synth"}, c.args...)...)
		if status == 0 || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: status %d, %q, want %q in it", name, status, stderr, c.want)
		}
	}
}

func TestModels(t *testing.T) {
	dir := synthetic(t)
	stdout, stderr, status := command(t, []string{nowhere}, "models", "--json", dir)
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	var listed []struct {
		Name, Path, Family, Layout, Precision, Error string
		Size                                         int64 `json:"size_bytes"`
		Parameters                                   int64 `json:"parameters"`
		Stored                                       int64 `json:"weight_bytes"`
		FP32                                         int64 `json:"weight_bytes_fp32"`
		Parts                                        []struct {
			Name       string
			Parameters int64
		}
	}
	if err := json.Unmarshal([]byte(stdout), &listed); err != nil || len(listed) != 3 {
		t.Fatalf("%v, %d models in %s", err, len(listed), stdout)
	}
	for i, want := range []struct{ name, family, layout, precision, wrong string }{
		{"page.safetensors", "", "", "", "a web page"}, {"three.safetensors", "sd3", "single file", "bf16", ""}, {"two", "sd2", "diffusers", "fp16", ""},
	} {
		m := listed[i]
		if m.Name != want.name || m.Family != want.family || m.Layout != want.layout || m.Precision != want.precision || !strings.Contains(m.Error, want.wrong) {
			t.Errorf("listed is %+v, want %+v", m, want)
		}
		sum := int64(0)
		for _, p := range m.Parts {
			sum += p.Parameters
		}
		if want.wrong == "" && (m.Error != "" || sum != m.Parameters || m.Stored != 2*m.Parameters || m.FP32 != 4*m.Parameters || m.Size <= m.Stored) {
			t.Errorf("%+v", m)
		}
	}

	stdout, _, _ = command(t, []string{nowhere}, "models", dir)
	check(t, "the table", stdout, []string{"NAME", "three.safetensors  sd3", "two                sd2", "page.safetensors cannot be loaded: ", "a web page"})
	stdout, _, _ = command(t, []string{nowhere}, "models", "--models", dir)
	check(t, "the table of --models", stdout, []string{"three.safetensors"})
	stdout, _, _ = command(t, []string{nowhere}, "models", filepath.Join(dir, "three.safetensors"))
	check(t, "the table of a file", stdout, []string{"three.safetensors"})
	stdout, _, _ = command(t, []string{nowhere}, "models", t.TempDir())
	check(t, "the table of nothing", stdout, []string{"no model in "})

	for _, args := range [][]string{{"models"}, {"models", filepath.Join(dir, "nowhere"), filepath.Join(dir, "neither")}} {
		if _, stderr, status := command(t, []string{nowhere, "ISAC_MODELS="}, args...); status == 0 || len(args) > 1 && !strings.Contains(stderr, "neither") {
			t.Errorf("%q: status %d, %q", args, status, stderr)
		}
	}
}
