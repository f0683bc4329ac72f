package graph_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/plugin"
)

// tree lists the files below a folder.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(dir, path)
			found = append(found, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func file(name, subfolder string) plugin.File {
	return plugin.File{Name: name, Subfolder: subfolder, Type: "output", Data: []byte("data of " + name)}
}

func TestCounter(t *testing.T) {
	tests := []struct {
		name    string
		present []string
		write   []string
		want    []string
	}{
		{"first", nil, []string{"cats_%05d_.png"}, []string{"cats_00001_.png"}},
		{"batch", nil, []string{"cats_%05d_.png", "cats_%05d_.png"}, []string{"cats_00001_.png", "cats_00002_.png"}},
		{"after the largest, gaps stay", []string{"cats_00002_.png", "cats_00007_.png"}, []string{"cats_%05d_.png"}, []string{"cats_00008_.png"}},
		{"extensions count together", []string{"cats_00003_.webp"}, []string{"cats_%05d_.png"}, []string{"cats_00004_.png"}},
		{"other names do not count", []string{"cats_00009.png", "dogs_00009_.png", "cats_x9_.png", "xcats_00009_.png", "cats_9_.png"}, []string{"cats_%05d_.png"}, []string{"cats_00001_.png"}},
		{"beyond the width", []string{"cats_99999_.png"}, []string{"cats_%05d_.png"}, []string{"cats_100000_.png"}},
		{"percent sign", nil, []string{"100%%_%d.txt"}, []string{"100%_1.txt"}},
		{"no counter", nil, []string{"masks.json"}, []string{"masks.json"}},
		{"two patterns", nil, []string{"a_%d", "b_%d", "a_%d"}, []string{"a_1", "b_1", "a_2"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			folder, dir := openFolder(t)
			for _, name := range test.present {
				if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			var files []plugin.File
			for _, name := range test.write {
				files = append(files, file(name, ""))
			}
			saved, err := folder.Write(files)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range test.want {
				if saved[i].Name != want || saved[i].Path != filepath.Join(dir, want) {
					t.Errorf("file %d is %+v, want %s", i, saved[i], want)
				}
				if got, err := os.ReadFile(saved[i].Path); err != nil || string(got) != "data of "+test.write[i] {
					t.Errorf("%s holds %q, %v", want, got, err)
				}
			}
			if got := len(tree(t, dir)); got != len(test.present)+len(test.want) {
				t.Errorf("the folder holds %v", tree(t, dir))
			}
		})
	}
}

func TestSubfoldersAndTypes(t *testing.T) {
	folder, dir := openFolder(t)
	preview := file("p_%d.png", "x/y")
	preview.Type = "temp"
	saved, err := folder.Write([]plugin.File{file("a_%d.png", "animals/cats"), preview})
	if err != nil {
		t.Fatal(err)
	}
	if got := tree(t, dir); !slices.Equal(got, []string{"animals/cats/a_1.png", "temp/x/y/p_1.png"}) {
		t.Errorf("the folder holds %v", got)
	}
	want := graph.SavedFile{Name: "a_1.png", Subfolder: "animals/cats", Type: "output", Path: filepath.Join(dir, "animals", "cats", "a_1.png")}
	if saved[0] != want {
		t.Errorf("got %+v, want %+v", saved[0], want)
	}
}

func TestNothingLeavesTheFolder(t *testing.T) {
	outside := t.TempDir()
	tests := []struct{ name, file, subfolder, kind, message string }{
		{"up", "a_%d.png", "..", "output", "within the output folder"},
		{"up within", "a_%d.png", "x/../../y", "output", "within the output folder"},
		{"dot", "a_%d.png", "./x", "output", "no file name"},
		{"absolute", "a_%d.png", "/tmp", "output", "absolute"},
		{"empty part", "a_%d.png", "x//y", "output", "no file name"},
		{"backslash", "a_%d.png", `x\..\y`, "output", "separator"},
		{"drive", "a_%d.png", "C:", "output", "separator"},
		{"name with a slash", "../a_%d.png", "", "output", "separator"},
		{"name is up", "..", "", "output", "no file name"},
		{"no name", "", "", "output", "no file name"},
		{"zero byte", "a\x00.png", "", "output", "control character"},
		{"line break", "a\n.png", "", "output", "control character"},
		{"long name", strings.Repeat("a", 256), "", "output", "file systems take 255"},
		{"looks unfinished", ".isac-1-1.part", "", "output", "unfinished"},
		{"unknown type", "a", "", "input", `neither "output" nor "temp"`},
		{"two counters", "%d_%d", "", "output", "two counters"},
		{"other verbs", "a_%s", "", "output", "expected a counter"},
		{"width without zero", "a_%5d", "", "output", "expected a counter"},
		{"huge width", "a_%0999d", "", "output", "expected a counter"},
		{"percent at the end", "a%", "", "output", "expected a counter"},
		{"through a link", "a_%d.png", "link", "output", "link"},
		{"through a link to a file", "linked", "", "output", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			folder, dir := openFolder(t)
			if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
				t.Skip("no symbolic links here: ", err)
			}
			target := filepath.Join(outside, "precious")
			if err := os.WriteFile(target, []byte("precious"), 0o666); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(target, filepath.Join(dir, "linked")); err != nil {
				t.Fatal(err)
			}
			f := file(test.file, test.subfolder)
			f.Type = test.kind
			// A good file before the bad one: neither may be there afterwards.
			_, err := folder.Write([]plugin.File{file("good_%d.png", ""), f})
			if test.message != "" && (err == nil || !strings.Contains(err.Error(), test.message)) {
				t.Errorf("error is %v, want %q", err, test.message)
			}
			if got := tree(t, outside); !slices.Equal(got, []string{"precious"}) {
				t.Errorf("outside lies %v", got)
			}
			if got, _ := os.ReadFile(target); string(got) != "precious" {
				t.Errorf("the file outside holds %q", got)
			}
			if err != nil {
				if got := tree(t, dir); !slices.Equal(got, []string{"link", "linked"}) {
					t.Errorf("the folder holds %v", got)
				}
			}
		})
	}
}

func TestAllOrNothing(t *testing.T) {
	folder, dir := openFolder(t)
	if err := os.MkdirAll(filepath.Join(dir, "taken"), 0o777); err != nil {
		t.Fatal(err)
	}
	// The last one cannot be renamed: a folder has its name.
	_, err := folder.Write([]plugin.File{file("a_%d.png", ""), file("b_%d.png", "sub"), file("taken", "")})
	if err == nil {
		t.Fatal("a file replaced a folder")
	}
	if got := tree(t, dir); len(got) != 0 {
		t.Errorf("the folder holds %v", got)
	}
}

func TestWriteFileReplaces(t *testing.T) {
	folder, dir := openFolder(t)
	for _, text := range []string{"first, which is longer", "second"} {
		path, err := folder.WriteFile("run%d.json", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text || path != filepath.Join(dir, "run%d.json") {
			t.Errorf("%s holds %q, %v", path, got, err)
		}
	}
	if got := tree(t, dir); len(got) != 1 {
		t.Errorf("the folder holds %v", got)
	}
}

// TestWritersDoNotMeet: two hosts that write into one folder at once lose nothing.
func TestWritersDoNotMeet(t *testing.T) {
	dir := t.TempDir()
	const writers, each = 4, 25
	var group sync.WaitGroup
	for w := range writers {
		folder, err := graph.OpenFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer folder.Close()
		group.Go(func() {
			for i := range each {
				f := file("n_%05d_.txt", "")
				f.Data = fmt.Appendf(nil, "%d %d", w, i)
				if _, err := folder.Write([]plugin.File{f}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	seen := map[string]bool{}
	for _, name := range tree(t, dir) {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		seen[string(text)] = true
	}
	if len(seen) != writers*each {
		t.Errorf("%d texts of %d are there", len(seen), writers*each)
	}
}

func TestOpenFolderErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := graph.OpenFolder(path); err == nil || !strings.Contains(err.Error(), "output folder") {
		t.Errorf("error is %v", err)
	}
}
