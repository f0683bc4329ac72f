package modelfolder

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Tree is where the models of each kind lie. It is made of what people give as folders of models, and looks into them anew at each call.
type Tree struct {
	places map[string][]place
	roots  []string
}

// File is one model: a file, or of the kind Checkpoints also a folder in the layout of diffusers.
type File struct {
	// Name is the model's for people and workflows: relative to the folder of its kind, with forward slashes.
	Name string
	Path string
	// Folder is the index in Folders of the folder that it was found in.
	Folder int
	// Info is the file's; nil for a folder.
	Info fs.FileInfo
}

// place is a folder in which models of one kind are looked for.
type place struct {
	dir  string
	list func(dir string, add func(name, path string, info fs.FileInfo))
}

// New reads folders of models. Each may be
//   - a tree as ComfyUI has it: a folder with a folder "checkpoints" in it, beside loras, vae, embeddings and so on; or the folder of ComfyUI
//     itself, whose tree is called "models";
//   - a folder "checkpoints" of such a tree: the others are looked for beside it;
//   - any other folder: checkpoints lie wherever they do, and folders called as those of a tree hold what these hold;
//   - a file as ComfyUI's extra_model_paths.yaml. One of this name in or beside a tree is read too.
//
// "" is none. What cannot be read counts as empty: one missing drive must not hide the other models; see Check.
func New(paths []string) *Tree {
	t := &Tree{places: map[string][]place{}}
	for _, path := range paths {
		abs, err := filepath.Abs(path)
		if path == "" || err != nil {
			continue
		}
		if isYAML(abs) {
			t.extra(abs)
			continue
		}
		t.root(abs)
	}
	return t
}

func (t *Tree) add(kind, dir string, list func(string, func(string, string, fs.FileInfo))) {
	t.places[kind] = append(t.places[kind], place{dir, list})
}

// root adds one folder.
func (t *Tree) root(root string) {
	if below := filepath.Join(root, "models"); !isDir(filepath.Join(root, Checkpoints)) && isDir(filepath.Join(below, Checkpoints)) {
		root = below
	}
	t.roots = append(t.roots, root)
	switch {
	case isDir(filepath.Join(root, Checkpoints)):
		t.branches(root)
		t.add(Checkpoints, root, listTop)
	case strings.EqualFold(filepath.Base(root), Checkpoints):
		t.add(Checkpoints, root, listLoose)
		t.branches(filepath.Dir(root))
		t.below(root)
	default:
		t.add(Checkpoints, root, listLoose)
		t.below(root)
	}
	for _, folder := range []string{root, filepath.Dir(root)} {
		if folder == root || filepath.Base(root) == "models" {
			if file := filepath.Join(folder, extraFile); isFile(file) {
				t.extra(file)
			}
		}
	}
}

// branches adds the folders of a tree, by their names in whatever case.
func (t *Tree) branches(root string) {
	entries, _ := os.ReadDir(root) // none: empty
	for _, kind := range Kinds() {
		for _, name := range folderNames[kind] {
			for _, e := range entries {
				if dir := filepath.Join(root, e.Name()); strings.EqualFold(e.Name(), name) && isDir(dir) {
					t.whole(kind, dir)
				}
			}
		}
	}
}

// whole adds a folder that holds models of one kind.
func (t *Tree) whole(kind, dir string) {
	if kind == diffusers {
		kind = Checkpoints
	}
	if kind == Checkpoints {
		t.add(kind, dir, listCheckpoints)
		return
	}
	t.add(kind, dir, listWhole)
}

// below adds the folders of a kind anywhere in a folder of checkpoints.
func (t *Tree) below(root string) {
	for _, kind := range Kinds() {
		if kind != Checkpoints && kind != diffusers {
			t.places[kind] = append(t.places[kind], place{filepath.Join(root, folderNames[kind][0]), func(_ string, add func(string, string, fs.FileInfo)) {
				listBelow(root, kind, add)
			}})
		}
	}
}

// Files lists the models of a kind. Of two with one name the first folder's counts. Whether one can be loaded is not looked at.
func (t *Tree) Files(kind string) []File {
	var found []File
	seen := map[string]bool{}
	for i, p := range t.places[kind] {
		p.list(p.dir, func(name, path string, info fs.FileInfo) {
			if !seen[name] {
				seen[name] = true
				found = append(found, File{Name: name, Path: path, Folder: i, Info: info})
			}
		})
	}
	return found
}

// Find gives the model of a kind that has this name. As it is one of those that Files lists, no name leads out of the folders.
func (t *Tree) Find(kind, name string) (File, bool) {
	for _, f := range t.Files(kind) {
		if f.Name == name {
			return f, true
		}
	}
	return File{}, false
}

// Paths gives the models of a kind that can be read, by name.
func (t *Tree) Paths(kind string) map[string]string {
	found := map[string]string{}
	for _, f := range t.Files(kind) {
		if f.Info == nil || Readable(f.Name) {
			found[f.Name] = f.Path
		}
	}
	return found
}

// Folders lists the folders of a kind, in the order in which they are looked into. Not each is there.
func (t *Tree) Folders(kind string) []string {
	var dirs []string
	for _, p := range t.places[kind] {
		dirs = append(dirs, p.dir)
	}
	return dirs
}

// Roots are the folders that New was given.
func (t *Tree) Roots() []string { return t.roots }

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// Whole gives the paths of all models below some folders by name, of whatever kind; of two with one name the first folder's. "" is none.
func Whole(folders []string) map[string]string {
	t := &Tree{places: map[string][]place{}}
	for _, folder := range folders {
		if abs, err := filepath.Abs(folder); err == nil && folder != "" {
			t.add("", abs, listWhole)
		}
	}
	return t.Paths("")
}
