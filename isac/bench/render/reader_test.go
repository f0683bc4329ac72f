package render

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/task"
)

// TestReaderIsReported holds that the report lists the prompts that were not read.
func TestReaderIsReported(t *testing.T) {
	dir := t.TempDir()
	reader := &task.Reader{Prompts: 4, Unread: []task.Unread{{Line: 3, Prompt: "some *owls*", Why: "gives no number"}}}
	if _, err := Report(dir, both("mixed", "two cats", 1, 0, 2), Options{Reader: reader}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "table.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"failed on 1 of 4 (25.0 %).\nThese have no pictures:", `- line 3: “some \*owls\*” gives no number`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the report has no %q:\n%s", want, text)
		}
	}
}
