package modelfolder

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// extraFile is what ComfyUI calls the file that names more folders of models.
const extraFile = "extra_model_paths.yaml"

// mostYAML bounds such a file.
const mostYAML = 1 << 20

func isYAML(path string) bool {
	return hasEnding(path, []string{".yaml", ".yml"}) && !isDir(path)
}

// extraFolder is one folder of such a file.
type extraFolder struct {
	kind, dir string
	first     bool // before those that are known by then
}

// extra adds the folders that a file names. One that cannot be read names none; see Check.
func (t *Tree) extra(file string) {
	folders, _ := readExtra(file)
	for _, f := range folders {
		before := t.places[f.kind]
		if f.first {
			t.places[f.kind] = nil
		}
		t.whole(f.kind, f.dir)
		if f.first {
			t.places[f.kind] = append(t.places[f.kind], before...)
		}
	}
}

// readExtra reads a file as ComfyUI does: each member is an installation with a base_path, and members that name folders of a kind, one a
// line. ~ and $NAME are filled in; paths are relative to the base_path, and that to the file.
func readExtra(file string) ([]extraFolder, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var installations map[string]map[string]any
	if err := yaml.NewDecoder(io.LimitReader(f, mostYAML)).Decode(&installations); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w; expected names of installations, each with base_path and folders of models", file, err)
	}
	var found []extraFolder
	for _, of := range sorted(installations) {
		members := installations[of]
		base := filepath.Dir(file)
		if given, ok := members["base_path"].(string); ok {
			base = absolute(base, expand(given))
		}
		first, _ := members["is_default"].(bool)
		for _, kind := range sorted(members) {
			lines, ok := members[kind].(string)
			if !ok || kind == "base_path" || kind == "custom_nodes" {
				continue
			}
			if kind = today(kind); kind == diffusers {
				kind = Checkpoints
			}
			for line := range strings.SplitSeq(lines, "\n") {
				if line != "" {
					found = append(found, extraFolder{kind: kind, dir: absolute(base, line), first: first})
				}
			}
		}
	}
	return found, nil
}

func absolute(base, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(base, path)
}

// expand fills in the home folder and variables of the environment; those that are not set stay as they are.
func expand(path string) string {
	if home, err := os.UserHomeDir(); err == nil && (path == "~" || strings.HasPrefix(path, "~/")) {
		path = home + path[1:]
	}
	return os.Expand(path, func(name string) string {
		if value, ok := os.LookupEnv(name); ok {
			return value
		}
		return "${" + name + "}"
	})
}
