package mini

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// copyOf is the detectors' folder in a place of its own; change alters detector.json.
func copyOf(t *testing.T, change func(string) string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{SettingsFile, "heatmap.safetensors", "segments.safetensors"} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if name == SettingsFile {
			text = []byte(change(string(text)))
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOpenReportsEveryMistakeOfTheSettingsTogether(t *testing.T) {
	dir := t.TempDir()
	text := `{"classes": ["cat", "cat"], "side": 63, "detectors": {
		"heatmap": {"file": "../heatmap.safetensors", "score": 1.5, "overlap": -1},
		"segments": {"file": "", "core": 0.5, "score": 0.5, "pixels": 0}}}`
	if err := os.WriteFile(filepath.Join(dir, SettingsFile), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir)
	if err == nil {
		t.Fatal("opened")
	}
	for _, part := range []string{dir, `"cat"`, "63", "../heatmap", "heatmap.score: 1.5", "heatmap.overlap: -1", "segments.file", "segments.pixels: 0"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in: %v", part, err)
		}
	}
}

func TestOpenSaysWhatIsWrongWithTheFolder(t *testing.T) {
	if _, err := Open(t.TempDir()); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "detector_export.py") {
		t.Errorf("an empty folder: %v", err)
	}
	for text, part := range map[string]string{
		`{"clases": []}`: "clases", `{`: "unexpected EOF", `{} {}`: "more after", `{}`: "no segments",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, SettingsFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v, expected %q in it", text, err, part)
		}
	}
}

func TestOpenReportsWhatIsWrongWithBothFiles(t *testing.T) {
	torchtest.Require(t)
	t.Run("one class too many", func(t *testing.T) {
		dir := copyOf(t, func(s string) string { return strings.Replace(s, `"cat"`, `"cat", "zebra"`, 1) })
		_, err := Open(dir)
		if !errors.Is(err, weights.ErrShape) || !strings.Contains(err.Error(), "heatmap.safetensors") || !strings.Contains(err.Error(), "segments.safetensors") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the files changed places", func(t *testing.T) {
		dir := copyOf(t, func(s string) string {
			return strings.NewReplacer("heatmap.safetensors", "segments.safetensors", "segments.safetensors", "heatmap.safetensors").Replace(s)
		})
		if _, err := Open(dir); !errors.Is(err, weights.ErrMissing) || !errors.Is(err, weights.ErrUnsupported) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a file that is cut off", func(t *testing.T) {
		dir := copyOf(t, func(s string) string { return s })
		if err := os.Truncate(filepath.Join(dir, "segments.safetensors"), 5000); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); !errors.Is(err, weights.ErrFormat) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a file that is not there", func(t *testing.T) {
		dir := copyOf(t, func(s string) string { return s })
		if err := os.Remove(filepath.Join(dir, "heatmap.safetensors")); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	})
}
