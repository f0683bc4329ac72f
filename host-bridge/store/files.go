package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/plugin"
)

// The kinds of files; each has a folder of its name.
const (
	outputKind = "output"
	tempKind   = "temp"
	inputKind  = "input"
)

var kinds = []string{outputKind, tempKind, inputKind}

// Writer takes files that nodes made.
type Writer interface {
	// Write writes files of a kind, all or none. Counters in names ("cats_%05d_.png") are filled in as graph.Folder does; a name without one
	// replaces a file. The kind of the files themselves is not read.
	Write(ctx context.Context, kind string, files []plugin.File) ([]graph.SavedFile, error)
}

// Finder knows which files are there.
type Finder interface {
	// Gone says whether any of the files is not there.
	Gone(ctx context.Context, files []graph.SavedFile) (bool, error)
}

// Files are what nodes wrote and what clients uploaded. A kind is "output", "temp" or "input".
type Files interface {
	Writer
	// Open opens a file; fs.ErrNotExist where there is none, fs.ErrInvalid where it cannot be one.
	Open(ctx context.Context, kind, subfolder, name string) (file io.ReadSeekCloser, modified time.Time, err error)
	// List gives every file of a kind, by subfolder and name.
	List(ctx context.Context, kind string) ([]FileInfo, error)
}

// FileInfo is one file of Files.
type FileInfo struct {
	Subfolder, Name string
	// Size in bytes.
	Size     int64
	Modified time.Time
}

// Disk is the Files of a data folder: the folders output, input and temp. What a person puts there is found, and what a person
// removes is gone. Several goroutines may use it. Close has to be called.
type Disk struct {
	folders map[string]*graph.Folder
	roots   map[string]*os.Root
	// writing keeps writers from looking for one free number at the same time.
	writing sync.Mutex
}

// OpenDisk makes the folders and empties the one of temporary files.
func OpenDisk(data string) (_ *Disk, err error) {
	d := &Disk{folders: map[string]*graph.Folder{}, roots: map[string]*os.Root{}}
	defer func() {
		if err != nil {
			_ = d.Close()
		}
	}()
	if err := os.RemoveAll(filepath.Join(data, tempKind)); err != nil {
		return nil, fmt.Errorf("empty the temporary files: %w", err)
	}
	for _, kind := range kinds {
		dir := filepath.Join(data, kind)
		if d.folders[kind], err = graph.OpenFolder(dir); err != nil {
			return nil, fmt.Errorf("data folder: %w", err)
		}
		if d.roots[kind], err = os.OpenRoot(dir); err != nil {
			return nil, fmt.Errorf("data folder: %w", err)
		}
		if kind != tempKind {
			d.clean(kind)
		}
	}
	return d, nil
}

// unfinished is how the names of files begin that are being written, whoever writes them.
const unfinished = ".isac-"

// unfinishedAge is from when on such a file can only be left of a process that was killed.
const unfinishedAge = time.Hour

// clean removes what processes left half written that were killed.
func (d *Disk) clean(kind string) {
	_ = fs.WalkDir(d.roots[kind].FS(), ".", func(at string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasPrefix(entry.Name(), unfinished) || !strings.HasSuffix(entry.Name(), ".part") {
			return nil
		}
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > unfinishedAge {
			_ = d.roots[kind].Remove(at) // else it lies there a while longer
		}
		return nil
	})
}

// Close closes the folders; files stay.
func (d *Disk) Close() error {
	var failed []error
	for _, kind := range kinds {
		if f := d.folders[kind]; f != nil {
			failed = append(failed, f.Close())
		}
		if r := d.roots[kind]; r != nil {
			failed = append(failed, r.Close())
		}
	}
	return errors.Join(failed...)
}

func checkKind(kind string) error {
	if !slices.Contains(kinds, kind) {
		return fmt.Errorf("kind of file %q: expected one of %s: %w", kind, strings.Join(kinds, ", "), fs.ErrInvalid)
	}
	return nil
}

// checkPlace takes what may be the path of a file.
func checkPlace(kind, subfolder, name string) error {
	if err := checkKind(kind); err != nil {
		return err
	}
	err := graph.CheckName(plugin.File{Type: outputKind, Subfolder: subfolder, Name: strings.ReplaceAll(name, "%", "%%")})
	if err != nil {
		return fmt.Errorf("%w: %w", err, fs.ErrInvalid)
	}
	return nil
}

// Write writes files.
func (d *Disk) Write(_ context.Context, kind string, files []plugin.File) ([]graph.SavedFile, error) {
	if err := checkKind(kind); err != nil {
		return nil, err
	}
	plain := slices.Clone(files)
	for i := range plain {
		plain[i].Type = outputKind // a graph.Folder has a folder of its own for other types
	}
	d.writing.Lock()
	defer d.writing.Unlock()
	saved, err := d.folders[kind].Write(plain)
	for i := range saved {
		saved[i].Type = kind
	}
	return saved, err
}

// Open opens a file.
func (d *Disk) Open(_ context.Context, kind, subfolder, name string) (io.ReadSeekCloser, time.Time, error) {
	if err := checkPlace(kind, subfolder, name); err != nil {
		return nil, time.Time{}, err
	}
	at := path.Join(subfolder, name)
	// Before it is opened: to open a pipe waits for somebody who writes into it.
	info, err := d.roots[kind].Stat(at)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	file, err := d.roots[kind].Open(at)
	if err != nil {
		return nil, time.Time{}, err
	}
	return file, info.ModTime(), nil
}

// Gone says whether any of the files is not there.
func (d *Disk) Gone(_ context.Context, files []graph.SavedFile) (bool, error) {
	for _, f := range files {
		if err := checkPlace(f.Type, f.Subfolder, f.Name); err != nil {
			return false, err
		}
		info, err := d.roots[f.Type].Stat(path.Join(f.Subfolder, f.Name))
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
	return false, nil
}

// List gives every file of a kind.
func (d *Disk) List(_ context.Context, kind string) ([]FileInfo, error) {
	if err := checkKind(kind); err != nil {
		return nil, err
	}
	found := []FileInfo{}
	err := fs.WalkDir(d.roots[kind].FS(), ".", func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			if entry != nil && entry.IsDir() {
				return fs.SkipDir // one that may not be read is not ours
			}
			return nil
		}
		folder, name := path.Split(at)
		if !entry.Type().IsRegular() || strings.HasPrefix(name, unfinished) {
			return nil
		}
		if info, err := entry.Info(); err == nil { // else it is gone meanwhile
			found = append(found, FileInfo{Subfolder: strings.TrimSuffix(folder, "/"), Name: name, Size: info.Size(), Modified: info.ModTime()})
		}
		return nil
	})
	slices.SortFunc(found, func(a, b FileInfo) int {
		if c := strings.Compare(a.Subfolder, b.Subfolder); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return found, err
}

// Import writes a file that comes from an older store. One of the same name and another content stays: errors.Is fs.ErrExist.
func (d *Disk) Import(kind, subfolder, name string, replace bool, data []byte) error {
	if err := checkPlace(kind, subfolder, name); err != nil {
		return err
	}
	there, err := d.roots[kind].ReadFile(path.Join(subfolder, name))
	if err == nil && !replace {
		if slices.Equal(there, data) {
			return nil
		}
		return fmt.Errorf("%s: %w", path.Join(kind, subfolder, name), fs.ErrExist)
	}
	_, err = d.Write(context.Background(), kind, []plugin.File{{Name: strings.ReplaceAll(name, "%", "%%"), Subfolder: subfolder, Data: data}})
	return err
}
