package render

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/score"
)

// outDir is where a test's pictures go; ISAC_RENDER_OUT keeps them to be looked at.
func outDir(t *testing.T) string {
	if dir := os.Getenv("ISAC_RENDER_OUT"); dir != "" {
		return dir
	}
	return t.TempDir()
}

func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		if all[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// A report is whole, its numbers are the summary's, and the same records in another order give the same bytes.
func TestReport(t *testing.T) {
	records := exampleRecords()
	first := outDir(t)
	if _, err := Report(first, records, Options{Picture: examplePicture}); err != nil {
		t.Fatal(err)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	second := t.TempDir()
	if _, err := Report(second, records, Options{Picture: examplePicture}); err != nil {
		t.Fatal(err)
	}
	a, b := files(t, first), files(t, second)
	for _, name := range []string{"table.md", "summary.json", "gallery-isac.png", "accuracy.png", "differences.png", "losses.png"} {
		if len(b[name]) == 0 {
			t.Errorf("%s was not written", name)
		}
	}
	for name := range b {
		if !bytes.Equal(a[name], b[name]) {
			t.Errorf("%s differs when the records come in another order", name)
		}
	}
	want, err := score.Summarise(records, "none")
	if err != nil {
		t.Fatal(err)
	}
	var got score.Summary
	if err := json.Unmarshal(b["summary.json"], &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("summary.json does not hold the summary")
	}
	var table bytes.Buffer
	if err := Markdown(&table, want); err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(b["table.md"], table.Bytes()) {
		t.Error("table.md does not hold the tables")
	}
	for name := range b {
		if strings.HasSuffix(name, ".png") && !strings.HasPrefix(name, galleryPrefix) && !bytes.Contains(b["table.md"], []byte("("+name+")")) {
			t.Errorf("table.md does not show %s", name)
		}
	}
}

func TestReportWithoutPicturesLossesOrOtherMethods(t *testing.T) {
	var records []score.Record
	for _, r := range exampleRecords() {
		if r.Method == "none" && r.Task == "mixed" {
			r.Losses = nil
			records = append(records, r)
		}
	}
	dir := t.TempDir()
	if _, err := Report(dir, records, Options{Picture: examplePicture}); err != nil {
		t.Fatal(err)
	}
	got := files(t, dir)
	if len(got) != 3 || len(got["accuracy.png"]) == 0 || len(got["table.md"]) == 0 || len(got["summary.json"]) == 0 {
		t.Errorf("got %d files", len(got))
	}
}

func TestReportNamesWhatIsWrong(t *testing.T) {
	_, err := Report(t.TempDir(), exampleRecords(), Options{Base: "isac:other"})
	if err == nil || !strings.Contains(err.Error(), `"isac:other"`) {
		t.Errorf("got %v", err)
	}
}

func TestFileName(t *testing.T) {
	if got := fileName("isac:typed+eta=0.05"); got != "isac-typed+eta=0.05" {
		t.Errorf("got %q", got)
	}
}
