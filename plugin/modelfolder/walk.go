// Package modelfolder goes through folders of models, as the nodes that load them and the routes that list them both do.
package modelfolder

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// deepest is how many folders deep models are looked for. Links are followed, so there has to be an end.
const deepest = 6

// Walk gives each regular file below root, by its path in it; names that begin with a dot are left out. enter, if not nil, is asked before a
// folder is gone into, "" for root, and may keep it out. Links to folders are followed after all else, and no folder is gone into twice: a
// few links to their own parents would otherwise be thousands of folders. A folder that cannot be read counts as empty.
func Walk(root string, enter func(inside string) bool, file func(inside string, info fs.FileInfo)) {
	w := walk{root: root, enter: enter, file: file, walked: map[string]bool{}}
	w.folder("", deepest)
	for len(w.links) > 0 {
		next := w.links[0]
		w.links = w.links[1:]
		w.folder(next.inside, next.depth)
	}
}

type walk struct {
	root   string
	enter  func(inside string) bool
	file   func(inside string, info fs.FileInfo)
	walked map[string]bool // by the path without links
	links  []linkedFolder
}

// linkedFolder is a link to a folder, inside of the root.
type linkedFolder struct {
	inside string
	depth  int
}

func (w *walk) folder(inside string, depth int) {
	if w.enter != nil && !w.enter(inside) {
		return
	}
	folder := filepath.Join(w.root, inside)
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
		switch info, err := os.Stat(filepath.Join(folder, e.Name())); {
		case err != nil || strings.HasPrefix(e.Name(), "."):
		case info.IsDir() && depth > 1 && e.Type()&fs.ModeSymlink != 0:
			w.links = append(w.links, linkedFolder{path, depth - 1})
		case info.IsDir() && depth > 1:
			w.folder(path, depth-1)
		case info.Mode().IsRegular():
			w.file(path, info)
		}
	}
}
