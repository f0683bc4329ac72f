package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/plugin"
)

// The kinds of files.
const (
	outputKind = "output"
	tempKind   = "temp"
	inputKind  = "input"
)

var kinds = []string{outputKind, tempKind, inputKind}

// Files are the files as workers see them: in NATS alone. Their paths are empty.
func (c *Conn) Files() Files {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.files == nil {
		c.files = &bucketFiles{bucket: c.bucket, patient: c.log}
	}
	return c.files
}

// bucketFiles keeps files in the bucket.
type bucketFiles struct {
	bucket *bucket
	// patient, where not nil, is told of waiting for a NATS that cannot be reached; else there is none.
	patient *slog.Logger

	mu sync.Mutex
	// next are the numbers to try first, by folder and pattern.
	next map[string]int
}

// filePath is a file's path in the bucket.
func filePath(kind, subfolder, name string) string {
	return path.Join("file", kind, subfolder, name)
}

// splitPath is the inverse of filePath.
func splitPath(p string) (kind, subfolder, name string) {
	_, p, _ = strings.Cut(p, "/")
	kind, p, _ = strings.Cut(p, "/")
	if at := strings.LastIndexByte(p, '/'); at >= 0 {
		return kind, p[:at], p[at+1:]
	}
	return kind, "", p
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
	_, err := graph.NameOf(plugin.File{Type: outputKind, Subfolder: subfolder, Name: strings.ReplaceAll(name, "%", "%%")})
	if err != nil {
		return fmt.Errorf("%w: %w", err, fs.ErrInvalid)
	}
	return nil
}

// Open opens a file.
func (f *bucketFiles) Open(ctx context.Context, kind, subfolder, name string) (io.ReadSeekCloser, time.Time, error) {
	if err := checkPlace(kind, subfolder, name); err != nil {
		return nil, time.Time{}, err
	}
	value, i, err := f.bucket.read(ctx, filePath(kind, subfolder, name))
	if err != nil {
		return nil, time.Time{}, err
	}
	if i.only() {
		return nil, time.Time{}, fmt.Errorf("%s lies on the API server's disk alone: %w", i.path, fs.ErrNotExist)
	}
	return opened{bytes.NewReader(value)}, i.Modified, nil
}

// opened is a value that reads as a file.
type opened struct{ *bytes.Reader }

// Close has nothing to do.
func (opened) Close() error { return nil }

// Write writes files, all or none.
func (f *bucketFiles) Write(ctx context.Context, kind string, files []plugin.File) (_ []graph.SavedFile, err error) {
	if err := checkKind(kind); err != nil {
		return nil, err
	}
	names := make([]graph.FileName, len(files))
	for i, file := range files {
		file.Type = outputKind
		if names[i], err = graph.NameOf(file); err != nil {
			return nil, fmt.Errorf("file %d of %d: %w", i+1, len(files), err)
		}
	}
	var made []*item
	defer func() {
		if err != nil {
			for _, i := range made {
				_ = f.bucket.remove(context.WithoutCancel(ctx), i)
			}
		}
	}()
	saved := make([]graph.SavedFile, len(files))
	var replace []int
	for i, file := range files {
		saved[i] = graph.SavedFile{Name: names[i].Numbered(1), Subfolder: file.Subfolder, Type: kind}
		if !names[i].Counts() {
			replace = append(replace, i)
			continue
		}
		new, err := f.number(ctx, kind, file, names[i])
		if err != nil {
			return nil, err
		}
		made = append(made, new)
		saved[i].Name = path.Base(new.path)
	}
	// What replaces older files comes last: it cannot be taken back.
	for _, i := range replace {
		at := filePath(kind, files[i].Subfolder, saved[i].Name)
		if err := f.insist(ctx, func() error { return f.bucket.write(ctx, at, files[i].Data, false) }); err != nil {
			return nil, err
		}
	}
	return saved, nil
}

// number writes a file under the next number that is free.
func (f *bucketFiles) number(ctx context.Context, kind string, file plugin.File, name graph.FileName) (*item, error) {
	const tries = 10000
	group := filePath(kind, file.Subfolder, name.Pattern())
	var next int
	var fresh *item
	err := f.insist(ctx, func() (err error) {
		if next, err = f.guess(ctx, group, kind, file.Subfolder, name); err == nil {
			fresh, err = f.bucket.hold(ctx, group, file.Data)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for range tries {
		fresh.path = filePath(kind, file.Subfolder, name.Numbered(next))
		next++
		err = f.insist(ctx, func() error { return f.bucket.create(ctx, fresh.path, fresh) })
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if err != nil {
		f.bucket.discard(ctx, fresh, err)
		return nil, fmt.Errorf("write %s: %w", group, err)
	}
	f.mu.Lock()
	f.next[group] = max(f.next[group], next)
	f.mu.Unlock()
	return fresh, nil
}

// insist repeats what fails because NATS cannot be reached: a picture that took minutes is not thrown away for a server that is
// started again. Whoever has not so much patience ends ctx.
func (f *bucketFiles) insist(ctx context.Context, do func() error) error {
	for said := false; ; said = true {
		err := do()
		if err == nil || f.patient == nil || !passing(err) || ctx.Err() != nil {
			return err
		}
		if !said {
			f.patient.Warn("cannot store a file; trying again until it can be", "reason", err.Error())
		}
		wait(ctx, 500*time.Millisecond)
	}
}

// guess is the number that is probably free: one more than the largest that was seen.
func (f *bucketFiles) guess(ctx context.Context, group, kind, subfolder string, name graph.FileName) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next == nil {
		f.next = map[string]int{}
	}
	if n := f.next[group]; n > 0 {
		return n, nil
	}
	items, err := f.bucket.list(ctx, filePath(kind, subfolder, "")+"/")
	if err != nil {
		return 0, err
	}
	largest := 0
	for _, i := range items {
		_, folder, base := splitPath(i.path)
		if n, ok := name.Number(base); ok && folder == path.Join(subfolder) {
			largest = max(largest, n)
		}
	}
	f.next[group] = largest + 1
	return largest + 1, nil
}

// List gives every file of a kind.
func (f *bucketFiles) List(ctx context.Context, kind string) ([]FileInfo, error) {
	if err := checkKind(kind); err != nil {
		return nil, err
	}
	items, err := f.bucket.list(ctx, filePath(kind, "", "")+"/")
	if err != nil {
		return nil, err
	}
	found := make([]FileInfo, 0, len(items))
	for _, i := range items {
		_, folder, name := splitPath(i.path)
		found = append(found, FileInfo{Subfolder: folder, Name: name, Size: i.Size, Modified: i.Modified})
	}
	sortFiles(found)
	return found, nil
}

func sortFiles(files []FileInfo) {
	slices.SortFunc(files, func(a, b FileInfo) int {
		if c := strings.Compare(a.Subfolder, b.Subfolder); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
}
