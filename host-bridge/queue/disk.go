package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// diskFiles are the files as the API server has them: those of the bucket, each also in the folders output, temp and input of
// the data folder, where a person looks for them. What a person removes there is removed, and what a person puts there is found.
type diskFiles struct {
	bucketFiles
	home  string
	roots map[string]*os.Root
	// limit is how many bytes the bucket may hold of files that lie on the disk.
	limit int64
	log   *slog.Logger
}

// settleAgain is when files are tried again that did not get to the disk.
const settleAgain = 30 * time.Second

// unfinishedPrefix is how the names of files begin that are being written.
const unfinishedPrefix = ".isac-"

// Files that nodes made, and uploads.
func (s *Server) Files() Files { return s.files }

// openDisk makes the folders, empties the one of temporary files, and brings bucket and disk together.
func openDisk(ctx context.Context, data string, limit int64, b *bucket, log *slog.Logger) (*diskFiles, error) {
	home, err := dataID(data)
	if err != nil {
		return nil, err
	}
	d := &diskFiles{home: home, roots: map[string]*os.Root{}, limit: limit, log: log}
	d.bucket = b
	if err := os.RemoveAll(filepath.Join(data, tempKind)); err != nil {
		return nil, fmt.Errorf("empty the temporary files: %w", err)
	}
	for _, kind := range kinds {
		dir := filepath.Join(data, kind)
		if err := os.MkdirAll(dir, 0o777); err != nil {
			d.close()
			return nil, fmt.Errorf("data folder: %w", err)
		}
		if d.roots[kind], err = os.OpenRoot(dir); err != nil {
			d.close()
			return nil, fmt.Errorf("data folder: %w", err)
		}
	}
	if err := d.reconcile(ctx); err != nil {
		d.close()
		return nil, fmt.Errorf("files: %w", err)
	}
	return d, nil
}

func (d *diskFiles) close() {
	for _, root := range d.roots {
		if root != nil {
			root.Close()
		}
	}
}

// reconcile learns what has happened on the disk while nobody watched.
func (d *diskFiles) reconcile(ctx context.Context) error {
	items, err := d.bucket.list(ctx, "file/")
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, i := range items {
		known[i.path] = true
		kind, folder, name := splitPath(i.path)
		gone := kind == tempKind
		if i.Home == d.home && !i.Stale && !gone {
			_, err := d.roots[kind].Stat(path.Join(folder, name))
			gone = errors.Is(err, fs.ErrNotExist)
		}
		if gone {
			if err := d.bucket.remove(ctx, i); err != nil && !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
				return err
			}
		}
	}
	// Others' files have to be known, for new ones to count on from them.
	return d.walk(outputKind, func(folder, name string, info fs.FileInfo) error {
		at := filePath(outputKind, folder, name)
		if known[at] || checkKey(at) != nil {
			return nil
		}
		err := d.bucket.create(ctx, at, &item{Size: info.Size(), Created: info.ModTime().UTC(), Modified: info.ModTime().UTC(), Home: d.home})
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	})
}

// walk goes through the files of a kind on the disk.
func (d *diskFiles) walk(kind string, visit func(folder, name string, info fs.FileInfo) error) error {
	root := d.roots[kind]
	return fs.WalkDir(root.FS(), ".", func(at string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			if entry != nil && entry.IsDir() && err != nil {
				return fs.SkipDir // one that may not be read is not ours
			}
			return nil
		}
		folder, name := path.Split(at)
		if strings.HasPrefix(name, unfinishedPrefix) {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return nil // gone meanwhile
		}
		return visit(strings.TrimSuffix(folder, "/"), name, info)
	})
}

// Open opens a file, from the disk where it is there.
func (d *diskFiles) Open(ctx context.Context, kind, subfolder, name string) (io.ReadSeekCloser, time.Time, error) {
	if err := checkPlace(kind, subfolder, name); err != nil {
		return nil, time.Time{}, err
	}
	i, err := d.bucket.find(ctx, filePath(kind, subfolder, name))
	if errors.Is(err, fs.ErrNotExist) {
		return d.openDisk(kind, subfolder, name)
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	if i.Home != d.home || i.Stale {
		return d.bucketFiles.Open(ctx, kind, subfolder, name)
	}
	file, modified, err := d.openDisk(kind, subfolder, name)
	if errors.Is(err, fs.ErrNotExist) { // somebody has removed it
		_ = d.bucket.remove(ctx, i)
	}
	return file, modified, err
}

func (d *diskFiles) openDisk(kind, subfolder, name string) (io.ReadSeekCloser, time.Time, error) {
	at := path.Join(subfolder, name)
	noFile := fmt.Errorf("%s is no file: %w", name, fs.ErrNotExist)
	// A pipe that lies there is not opened: that would wait for who writes to it.
	if info, err := d.roots[kind].Stat(at); err != nil {
		return nil, time.Time{}, err
	} else if !info.Mode().IsRegular() {
		return nil, time.Time{}, noFile
	}
	file, err := d.roots[kind].OpenFile(at, os.O_RDONLY|syscall.O_NONBLOCK, 0) // should a pipe take its place just now
	if err != nil {
		return nil, time.Time{}, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = noFile
	}
	if err != nil {
		file.Close()
		return nil, time.Time{}, err
	}
	return file, info.ModTime(), nil
}

// List gives every file of a kind, those included that a person put into the folder.
func (d *diskFiles) List(ctx context.Context, kind string) ([]FileInfo, error) {
	files, err := d.bucketFiles.List(ctx, kind)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, f := range files {
		known[path.Join(f.Subfolder, f.Name)] = true
	}
	err = d.walk(kind, func(folder, name string, info fs.FileInfo) error {
		if !known[path.Join(folder, name)] {
			files = append(files, FileInfo{Subfolder: folder, Name: name, Size: info.Size(), Modified: info.ModTime()})
		}
		return nil
	})
	sortFiles(files)
	return files, err
}

// run writes what comes into the bucket to the disk, until ctx ends.
func (d *diskFiles) run(ctx context.Context, c *Conn) {
	again := make(chan struct{}, 1)
	c.onReconnect(func() { nudge(again) })
	follow(ctx, d.bucket.index, filterOf("file/"), &toDisk{diskFiles: d, ctx: ctx, again: again, retention: retention{limit: d.limit}}, again, d.log)
}

// toDisk follows the files in the bucket.
type toDisk struct {
	*diskFiles
	ctx       context.Context
	again     chan<- struct{}
	retention retention
}

func (t *toDisk) begin()    { t.retention.clear() }
func (t *toDisk) complete() {}

// removed has nothing to do on the disk: what goes from the bucket has gone from there before, or is temporary.
func (t *toDisk) removed(key string, _ uint64) {
	if at, err := decodeKey(key); err == nil {
		t.retention.note(at, 0)
	}
}

func (t *toDisk) put(entry jetstream.KeyValueEntry) {
	i, err := readItem(entry)
	if err != nil {
		t.log.Error("the entry of a file cannot be read; it is left alone", "key", entry.Key(), "reason", err.Error())
		return
	}
	t.retain(i)
	// A file that lies on another server's disk is read from the bucket.
	if i.only() || i.Home != "" && (i.Home != t.home || !i.Stale) {
		return
	}
	if err := t.settle(t.ctx, i); err != nil && t.ctx.Err() == nil {
		t.log.Warn("a file does not get from the queue's store to the disk", "file", i.path, "reason", err.Error())
		if errors.Is(err, errForeign) {
			return // until somebody has looked at it
		}
		time.AfterFunc(settleAgain, func() { nudge(t.again) })
	}
}

// settle writes a file to the disk and notes that it is there.
func (d *diskFiles) settle(ctx context.Context, i *item) error {
	value, newest, err := d.bucket.read(ctx, i.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && newest.revision != i.revision {
		return nil // there will be another notice
	}
	if err != nil {
		return err
	}
	kind, folder, name := splitPath(i.path)
	if d.roots[kind] == nil {
		return fmt.Errorf("kind %q is unknown", kind)
	}
	if err := d.writeDisk(d.roots[kind], folder, name, value, i.Stale); err != nil {
		return err
	}
	i.Home, i.Stale = d.home, false
	if err := d.bucket.update(ctx, i); err != nil && !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return err
	}
	return nil
}
