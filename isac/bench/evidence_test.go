package bench

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The committed results, each folder with the table and the numbers that were made from them.
const evidence = "../../examples/mini/evidence"

// formerModels are models of earlier commits with results of their own: git archive COMMIT examples/mini/model | tar x -C DIR.
var formerModels = map[string]string{"git:2357bc0:examples/mini/model": "36a076ea9a2cf2ae"}

// What is published is what the committed results say, of the model and the detectors that are committed.
func TestEvidence(t *testing.T) {
	settings, err := filepath.Glob(filepath.Join(evidence, "*", settingsFile))
	if err != nil {
		t.Fatal(err)
	}
	if len(settings) == 0 {
		t.Fatalf("there are no results in %s", evidence)
	}
	for _, file := range settings {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			folder, err := ReadFolder(dir)
			if err != nil {
				t.Fatal(err)
			}
			to := t.TempDir()
			if _, err := Report([]*Folder{folder}, to, nil); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"table.md", "summary.json"} {
				if readText(t, filepath.Join(dir, name)) != readText(t, filepath.Join(to, name)) {
					t.Errorf("%s is not what the results say: make evidence", name)
				}
			}
			sources := map[string]Part{folder.Settings.Model.Path: folder.Settings.Model}
			for _, d := range folder.Settings.Detectors {
				sources[d.Path[len("mini:"):]] = d
			}
			for path, source := range sources {
				if known, former := formerModels[path]; former {
					if source.Hash != known {
						t.Errorf("the results are of %s, which is %s and not %s", path, known, source.Hash)
					}
					continue
				}
				hash, err := Fingerprint(filepath.Join("../..", path))
				if err != nil {
					t.Fatal(err)
				}
				if hash != source.Hash {
					t.Errorf("the results are of another %s (%s, it is %s now): run the bench again", path, source.Hash, hash)
				}
			}
		})
	}
}

// links finds the pictures that a Markdown text shows.
var links = regexp.MustCompile(`!\[[^\]]*\]\(([^)]+)\)`)

// A table of a report shows the plots beside it; none is missing from the repository.
func TestEvidenceHasItsPictures(t *testing.T) {
	tables, err := filepath.Glob(filepath.Join(evidence, "*", "table.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		for _, link := range links.FindAllStringSubmatch(readText(t, table), -1) {
			if info, err := os.Stat(filepath.Join(filepath.Dir(table), link[1])); err != nil || info.Size() == 0 {
				t.Errorf("%s shows %s, which is missing", table, link[1])
			}
		}
	}
}

// quoted finds the tables that a text quotes from the evidence: <!-- from examples/mini/evidence/DIR/table.md --> … <!-- end -->.
var quoted = regexp.MustCompile(`(?s)<!-- from (\S+) -->(.*?)<!-- end -->`)

// The tables of README.md and docs/evidence.md have the numbers of the published ones, row by row.
func TestEvidenceIsQuotedRight(t *testing.T) {
	for _, file := range []string{"README.md", "docs/evidence.md"} {
		quotes := quoted.FindAllStringSubmatch(readText(t, filepath.Join("../..", file)), -1)
		if len(quotes) == 0 {
			t.Errorf("%s quotes no table", file)
		}
		for _, quote := range quotes {
			rows := strings.Split(readText(t, filepath.Join("../..", quote[1])), "\n")
			for _, row := range strings.Split(strings.TrimSpace(quote[2]), "\n") {
				if !slices.Contains(rows, row) {
					t.Errorf("%s quotes from %s what is not there:\n%s", file, quote[1], row)
				}
			}
		}
	}
}
