package nodes

import (
	"cmp"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// What tells a checkpoint from other files and folders.
const (
	singleFile    = ".safetensors"
	diffusersFile = "model_index.json"
	// detectorFile marks a folder of detectors for benches (isac/bench/detect/mini), whose weights make no pictures.
	detectorFile = "detector.json"
	// plainFolder is what a diffusers folder is often called when the folder around it says which model it is; such a one
	// goes by the outer name: examples/mini/model is "mini".
	plainFolder = "model"
	// deepest is how many folders deep a model folder is searched. Links are followed, so there has to be an end.
	deepest = 6
)

// Checkpoints finds all checkpoints in the model folders: single .safetensors files, and folders that hold a
// model_index.json. A folder of detectors is left out. It returns their paths by the names that ckpt_name shows: relative to the model folder, with forward
// slashes. A model folder that is itself a checkpoint goes by its own name. Of two with one name the first folder's wins.
// A folder that cannot be read counts as empty: one missing drive must not hide the other models. Of a folder that links lead to, the
// files are found once, under the folder's own name where that lies within. Whether a checkpoint can be loaded is not looked at.
func Checkpoints(folders []string) map[string]string {
	found := map[string]string{}
	for _, folder := range folders {
		if folder == "" {
			continue
		}
		if root, err := filepath.Abs(folder); err == nil {
			w := checkpointWalk{root: root, found: found, walked: map[string]bool{}}
			w.folder("", deepest)
			for len(w.links) > 0 {
				next := w.links[0]
				w.links = w.links[1:]
				w.folder(next.inside, next.depth)
			}
		}
	}
	return found
}

// checkpointWalk goes through one model folder. Links to folders come after all others, and no folder is gone into twice: a few links
// to their own parents would otherwise be thousands of folders.
type checkpointWalk struct {
	root   string
	found  map[string]string
	walked map[string]bool // by the path without links
	links  []linkedFolder
}

// linkedFolder is a link to a folder, inside of the root.
type linkedFolder struct {
	inside string
	depth  int
}

func (w *checkpointWalk) add(name, path string) {
	if _, taken := w.found[name]; !taken {
		w.found[name] = path
	}
}

func (w *checkpointWalk) folder(inside string, depth int) {
	folder := filepath.Join(w.root, inside)
	if isFile(filepath.Join(folder, diffusersFile)) {
		w.add(folderName(w.root, inside), folder)
		return // what lies within are its parts
	}
	if isFile(filepath.Join(folder, detectorFile)) {
		return
	}
	real, err := filepath.EvalSymlinks(folder)
	if err != nil || w.walked[real] {
		return
	}
	w.walked[real] = true
	entries, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	for _, e := range entries {
		path := filepath.Join(inside, e.Name())
		switch info, err := fs.Stat(os.DirFS(folder), e.Name()); {
		case err != nil || strings.HasPrefix(e.Name(), "."):
		case info.IsDir() && depth > 1 && e.Type()&fs.ModeSymlink != 0:
			w.links = append(w.links, linkedFolder{path, depth - 1})
		case info.IsDir() && depth > 1:
			w.folder(path, depth-1)
		case info.Mode().IsRegular() && strings.EqualFold(filepath.Ext(e.Name()), singleFile):
			w.add(filepath.ToSlash(path), filepath.Join(w.root, path))
		}
	}
}

func folderName(root, inside string) string {
	if filepath.Base(filepath.Join(root, inside)) == plainFolder {
		if inside == plainFolder || inside == "" {
			outer := filepath.Dir(filepath.Join(root, inside))
			return filepath.Base(outer)
		}
		return filepath.ToSlash(filepath.Dir(inside))
	}
	return filepath.ToSlash(cmp.Or(inside, filepath.Base(root)))
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// checkpointNames lists the names of the checkpoints that env's model folders hold, sorted.
func checkpointNames(env *Env) []string {
	if env == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(Checkpoints(env.ModelPaths)))
}
