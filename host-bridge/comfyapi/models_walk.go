package comfyapi

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// deepest is how many folders deep models are looked for.
const deepest = 6

// listModels gives each file of a model in a folder and those below it. Links to folders are followed after all else, and no folder is
// gone into twice: a few links to their own parents would otherwise be thousands of folders.
func listModels(root string, add func(name string, info fs.FileInfo)) {
	w := modelWalk{root: root, add: add, walked: map[string]bool{}}
	w.folder("", deepest)
	for len(w.links) > 0 {
		next := w.links[0]
		w.links = w.links[1:]
		w.folder(next.inside, next.depth)
	}
}

type modelWalk struct {
	root   string
	add    func(name string, info fs.FileInfo)
	walked map[string]bool // by the path without links
	links  []linkedFolder
}

// linkedFolder is a link to a folder, inside of the root.
type linkedFolder struct {
	inside string
	depth  int
}

func (w *modelWalk) folder(inside string, depth int) {
	folder := filepath.Join(w.root, inside)
	real, err := filepath.EvalSymlinks(folder)
	if err != nil || w.walked[real] {
		return // a missing folder has no files
	}
	w.walked[real] = true
	entries, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(folder, e.Name()))
		switch {
		case err != nil || strings.HasPrefix(e.Name(), "."):
		case info.IsDir() && depth > 1 && e.Type()&fs.ModeSymlink != 0:
			w.links = append(w.links, linkedFolder{filepath.Join(inside, e.Name()), depth - 1})
		case info.IsDir() && depth > 1:
			w.folder(filepath.Join(inside, e.Name()), depth-1)
		case info.Mode().IsRegular() && slices.Contains(modelEndings, strings.ToLower(path.Ext(e.Name()))):
			w.add(path.Join(filepath.ToSlash(inside), e.Name()), info)
		}
	}
}
