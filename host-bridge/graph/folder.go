package graph

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/isac-guidance/isac/plugin"
)

// Folder is where a host keeps the files that nodes make. A file appears whole under its name or not at all: it is written
// beside it and then given the name. Nothing is written outside the folder, whatever a node asks for, not through links either.
type Folder struct {
	root *os.Root
}

// SavedFile is a file that was written. Its JSON is what ComfyUI's clients ask /view for.
type SavedFile struct {
	Name      string `json:"filename"`
	Subfolder string `json:"subfolder"`
	// Type is "output" or "temp".
	Type string `json:"type"`
	// Path is where the file is.
	Path string `json:"-"`
}

const (
	outputType = "output"
	tempType   = "temp"
	// tempFolder takes the files of type temp, so that a run leaves everything in one place.
	tempFolder = "temp"
)

// OpenFolder makes the folder where it is missing.
func OpenFolder(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("output folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("output folder: %w", err)
	}
	return &Folder{root: root}, nil
}

// Close closes the folder; files stay.
func (f *Folder) Close() error { return f.root.Close() }

// Write writes the files of one node: all of them, or with an error none. A name may hold a counter, "cats_%05d_.png", which
// becomes one more than the largest number that a file of that pattern in that folder has; a name without one replaces a file.
func (f *Folder) Write(files []plugin.File) ([]SavedFile, error) {
	batch := &batch{root: f.root}
	defer batch.drop()
	for i, file := range files {
		place, err := placeOf(file)
		if err != nil {
			return nil, fmt.Errorf("file %d of %d: %w", i+1, len(files), err)
		}
		if err := batch.write(place, file.Data); err != nil {
			return nil, fmt.Errorf("write %s: %w", filepath.Join(f.root.Name(), place.dir, place.name.String()), err)
		}
	}
	names, err := batch.commit()
	if err != nil {
		return nil, err
	}
	saved := make([]SavedFile, len(files))
	for i, name := range names {
		saved[i] = SavedFile{Name: path.Base(name), Subfolder: files[i].Subfolder, Type: files[i].Type,
			Path: filepath.Join(f.root.Name(), filepath.FromSlash(name))}
	}
	return saved, nil
}

// WriteFile writes one file of the host's own, replacing an older one.
func (f *Folder) WriteFile(name string, data []byte) (string, error) {
	saved, err := f.Write([]plugin.File{{Name: strings.ReplaceAll(name, "%", "%%"), Type: outputType, Data: data}})
	if err != nil {
		return "", err
	}
	return saved[0].Path, nil
}
