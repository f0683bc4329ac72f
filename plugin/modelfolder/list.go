package modelfolder

import (
	"cmp"
	"io/fs"
	"path/filepath"
	"strings"
)

// What tells a checkpoint from other folders.
const (
	diffusersFile = "model_index.json"
	// detectorFile marks a folder of detectors for benches (isac/bench/detect/mini), whose weights make no pictures.
	detectorFile = "detector.json"
	// plainFolder is what a diffusers folder is often called when the folder around it says which model it is; such a one
	// goes by the outer name: examples/mini/model is "mini".
	plainFolder = "model"
)

// listWhole gives every model below a folder that holds models of one kind.
func listWhole(root string, add func(name, path string, info fs.FileInfo)) {
	Walk(root, func(inside string) bool { return !isFile(filepath.Join(root, inside, diffusersFile)) }, func(inside string, info fs.FileInfo) {
		if hasEnding(inside, endings) {
			add(filepath.ToSlash(inside), filepath.Join(root, inside), info)
		}
	})
}

// listCheckpoints is listWhole with the folders of diffusers' layout.
func listCheckpoints(root string, add func(name, path string, info fs.FileInfo)) {
	walkCheckpoints(root, func(string) bool { return true }, func(inside string) bool { return hasEnding(inside, endings) }, add)
}

// listLoose gives the checkpoints of a folder of anything: what lies in folders called as those of a tree are none.
func listLoose(root string, add func(name, path string, info fs.FileInfo)) {
	enter := func(inside string) bool {
		kind := kindOf(inside)
		return inside == "" || kind == "" || kind == Checkpoints || kind == diffusers
	}
	walkCheckpoints(root, enter, func(inside string) bool { return hasEnding(inside, telling) }, add)
}

// listTop gives the checkpoints of a tree outside of its folders: files at its top, and folders of diffusers' layout. In other folders of a
// tree lies what nodes of others bring.
func listTop(root string, add func(name, path string, info fs.FileInfo)) {
	enter := func(inside string) bool { return inside == "" || kindOf(inside) == "" }
	file := func(inside string) bool { return filepath.Dir(inside) == "." && hasEnding(inside, telling) }
	walkCheckpoints(root, enter, file, add)
}

// walkCheckpoints gives the files that file takes, and the folders of diffusers' layout.
func walkCheckpoints(root string, enter, file func(inside string) bool, add func(name, path string, info fs.FileInfo)) {
	Walk(root, func(inside string) bool {
		folder := filepath.Join(root, inside)
		if !enter(inside) || isFile(filepath.Join(folder, detectorFile)) {
			return false
		}
		if isFile(filepath.Join(folder, diffusersFile)) {
			add(folderName(root, inside), folder, nil)
			return false // what lies within are its parts
		}
		return true
	}, func(inside string, info fs.FileInfo) {
		if file(inside) {
			add(filepath.ToSlash(inside), filepath.Join(root, inside), info)
		}
	})
}

// listBelow gives the models below folders of a kind, wherever they are in root, by their paths from below the first such folder.
func listBelow(root, kind string, add func(name, path string, info fs.FileInfo)) {
	listWhole(root, func(name, path string, info fs.FileInfo) {
		parts := strings.Split(name, "/")
		for i, part := range parts[:len(parts)-1] {
			if kindOf(part) == kind {
				add(strings.Join(parts[i+1:], "/"), path, info)
				return
			}
		}
	})
}

// folderName is the name of a folder in diffusers' layout.
func folderName(root, inside string) string {
	if filepath.Base(filepath.Join(root, inside)) == plainFolder {
		if inside == plainFolder || inside == "" {
			return filepath.Base(filepath.Dir(filepath.Join(root, inside)))
		}
		return filepath.ToSlash(filepath.Dir(inside))
	}
	return filepath.ToSlash(cmp.Or(inside, filepath.Base(root)))
}
