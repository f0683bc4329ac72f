package rooms

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// root is the checkout.
var root = filepath.Join("..", "..")

func contributing(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// list asks go about packages and all that they link, without their tests.
func list(t *testing.T, cgo string, packages ...string) []unit {
	t.Helper()
	look(t)
	cmd := exec.Command("go", append([]string{"list", "-deps", "-json=ImportPath,Imports,Deps,Standard,CgoFiles"}, packages...)...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED="+cgo)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("CGO_ENABLED=%s go list: %v\n%s", cgo, err, &stderr)
	}
	var units []unit
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var u unit
		if err := decoder.Decode(&u); errors.Is(err, io.EOF) {
			return units
		} else if err != nil {
			t.Fatal(err)
		}
		units = append(units, u)
	}
}

// look looks at every source: go test repeats an old result as long as what the test itself has looked at is unchanged, and what
// go list looks at does not count.
func look(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (entry.Name() == "node_modules" || strings.HasPrefix(entry.Name(), ".") && path != root) {
			return fs.SkipDir
		}
		if err == nil && filepath.Ext(path) == ".go" {
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRooms(t *testing.T) {
	rooms, err := readRooms(contributing(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range checkRooms(rooms, list(t, "1", "./...")) {
		t.Errorf("CONTRIBUTING.md, Layout: %s", wrong)
	}
}

func TestLimits(t *testing.T) {
	limits, err := readLimits(contributing(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range checkLimits(limits, list(t, "1", "./...")) {
		t.Errorf("CONTRIBUTING.md, Layout: %s", wrong)
	}
	pure := 0
	for _, l := range limits {
		if !l.cgo {
			continue
		}
		for _, p := range l.patterns {
			pure++
			list(t, "0", "./"+string(p)) // fails where a package is nothing without cgo
		}
	}
	if pure == 0 {
		t.Error("no row says what builds without cgo")
	}
}

// What the checks find, on a small module with a table of its own.
func TestChecksFindMistakes(t *testing.T) {
	text := strings.ReplaceAll(`
| folder | holds | may import |
|---|---|---|
| 'low' | x | nothing of ours |
| 'low/side' | x | 'low' |
| 'tree/...' | x | 'low' |
| 'top' | x | all above |
| 'any' | x | anything |

| folder | links none of | why |
|---|---|---|
| 'top' | 'low/side', 'example.org/heavy/...', cgo | x |
`, "'", "`")
	rooms, err := readRooms(text)
	if err != nil {
		t.Fatal(err)
	}
	limits, err := readLimits(text)
	if err != nil {
		t.Fatal(err)
	}
	pkg := func(path string, imports ...string) unit {
		u := unit{ImportPath: path}
		if !strings.Contains(path, ".") {
			u.ImportPath = module + path
		}
		for _, i := range imports {
			if !strings.Contains(i, ".") {
				i = module + i
			}
			u.Imports = append(u.Imports, i)
		}
		u.Deps = u.Imports
		return u
	}
	native := pkg("example.org/native")
	native.CgoFiles = []string{"native.go"}
	good := []unit{
		pkg("low"), pkg("low/side", "low"), pkg("tree/a", "low", "tree/b/c"), pkg("tree/b/c"), pkg("top", "low", "tree/a", "example.org/light"), pkg("any", "top", "low/side"),
	}
	for _, test := range []struct {
		name  string
		units []unit
		want  []string
	}{
		{"good", nil, nil},
		{"sideways", []unit{pkg("low", "low/side")}, []string{"package low imports low/side, which its row does not allow"}},
		{"upwards", []unit{pkg("tree/d", "top")}, []string{"package tree/d imports top, which its row does not allow"}},
		{"not in the table", []unit{pkg("new")}, []string{"package new has no row"}},
		{"linked", []unit{pkg("top", "low/side")}, []string{"package top links low/side"}},
		{"linked from others", []unit{pkg("top", "example.org/heavy/x")}, []string{"package top links example.org/heavy/x"}},
		{"cgo", []unit{native, pkg("top", "example.org/native")}, []string{"package top links example.org/native, which needs cgo"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			units := slices.Concat(good, test.units)
			got := append(checkRooms(rooms, units), checkLimits(limits, units)...)
			if len(got) != len(test.want) {
				t.Fatalf("%q, expected %q", got, test.want)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], test.want[i]) {
					t.Errorf("%q, expected %q", got[i], test.want[i])
				}
			}
		})
	}
	if got := checkRooms(rooms, good[1:]); !slices.Contains(got, "low is in the table, but no package is there") {
		t.Errorf("without a package of the table: %q", got)
	}
	for _, cell := range []string{"low", "", "`low` and more", "all below"} {
		if _, err := readRooms("| folder | holds | may import |\n|---|---|---|\n| `a` | x | " + cell + " |\n"); err == nil {
			t.Errorf("a row that may import %q is taken", cell)
		}
	}
}
