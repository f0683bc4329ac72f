package bench

import (
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/score"
)

// some are records of three methods, isac the best.
func some() []score.Record {
	var all []score.Record
	for seed := range uint64(6) {
		for method, better := range map[string]int{"none": 0, "isac": 2, "random": 1} {
			all = append(all, record(method, seed, int(seed)%2+better))
		}
	}
	return all
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// In which files, and in which order, the records are leaves no trace.
func TestReportIsOfTheRecordsAlone(t *testing.T) {
	s := settingsOf(t, smallRequest(t))
	one, two, three := openFolder(t, t.TempDir(), s), openFolder(t, t.TempDir(), s), openFolder(t, t.TempDir(), s)
	for i, r := range some() {
		put(t, one, 0, r)
		put(t, two, i%3, r)
	}
	for i, r := range some() {
		if i%2 == 0 {
			put(t, three, 0, r)
		}
	}
	var tables []string
	for _, folder := range []*Folder{one, two} {
		to := t.TempDir()
		written, err := Report([]*Folder{folder}, to, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range written {
			if info, err := os.Stat(path); err != nil || info.Size() == 0 {
				t.Errorf("%s: %v", path, err)
			}
		}
		tables = append(tables, readText(t, filepath.Join(to, "table.md")))
	}
	if tables[0] != tables[1] {
		t.Errorf("the tables differ:\n%s\n%s", tables[0], tables[1])
	}
	if !strings.Contains(tables[0], "isac") || strings.Index(tables[0], "| none |") > strings.Index(tables[0], "| isac |") {
		t.Errorf("plain sampling does not stand first:\n%s", tables[0])
	}
	// One record twice is a mistake of whoever put the folders together.
	if _, err := Report([]*Folder{one, three}, t.TempDir(), nil); err == nil {
		t.Error("a record that is there twice is counted twice")
	}
}

func TestReportOfSomeMethods(t *testing.T) {
	f := openFolder(t, t.TempDir(), settingsOf(t, smallRequest(t)))
	put(t, f, 0, some()...)
	to := t.TempDir()
	if _, err := Report([]*Folder{f}, to, []string{"random", "none"}); err != nil {
		t.Fatal(err)
	}
	if table := readText(t, filepath.Join(to, "table.md")); strings.Contains(table, "isac") || !strings.Contains(table, "random") {
		t.Errorf("of none and random:\n%s", table)
	}
	if _, err := Report([]*Folder{f}, to, []string{"none", "isac:paper"}); err == nil || !strings.Contains(err.Error(), "isac:paper") {
		t.Errorf("a method without pictures: %v", err)
	}
}

// TestReportAgainst holds that differences are to the method that settings name, where there is one.
func TestReportAgainst(t *testing.T) {
	settings := settingsOf(t, smallRequest(t))
	settings.Against = "isac"
	f := openFolder(t, t.TempDir(), settings)
	put(t, f, 0, some()...)
	to := t.TempDir()
	if _, err := Report([]*Folder{f}, to, nil); err != nil {
		t.Fatal(err)
	}
	table := readText(t, filepath.Join(to, "table.md"))
	for _, want := range []string{"| none − isac |", "| random − isac |"} {
		if !strings.Contains(table, want) {
			t.Errorf("no row %q:\n%s", want, table)
		}
	}
	if strings.Contains(table, "− none |") {
		t.Errorf("something is compared with plain sampling:\n%s", table)
	}
	if _, err := Report([]*Folder{f}, to, []string{"none", "random"}); err == nil || !strings.Contains(err.Error(), "compared with isac") {
		t.Errorf("without the method to compare with: %v", err)
	}
	next := settingsOf(t, smallRequest(t))
	if joined, err := settings.join(next); err != nil || joined.Against != "isac" {
		t.Errorf("a bench that goes on compares with %q, %v", joined.Against, err)
	}
}

func TestReportHasAGalleryOfKeptPictures(t *testing.T) {
	f := openFolder(t, t.TempDir(), settingsOf(t, smallRequest(t)))
	for _, r := range some() {
		put(t, f, 0, r)
		if err := f.Keep(r, image.NewNRGBA(image.Rect(0, 0, 64, 64))); err != nil {
			t.Fatal(err)
		}
	}
	written, err := Report([]*Folder{f}, f.Path, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(written, " ")
	for _, want := range []string{"table.md", "accuracy.png", "gallery-isac.png", "gallery-random.png"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %s among %s", want, all)
		}
	}
}

func TestReportRefuses(t *testing.T) {
	r := smallRequest(t)
	f := openFolder(t, t.TempDir(), settingsOf(t, r))
	if _, err := Report([]*Folder{f}, t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "no pictures") {
		t.Errorf("an empty folder: %v", err)
	}
	put(t, f, 0, some()...)
	r.Steps = 50
	other := openFolder(t, t.TempDir(), settingsOf(t, r))
	if _, err := Report([]*Folder{f, other}, t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "steps: 20 there, 50") {
		t.Errorf("folders of different settings: %v", err)
	}
}
