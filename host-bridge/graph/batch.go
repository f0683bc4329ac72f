package graph

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync/atomic"
)

// batch is a number of files that appear together.
type batch struct {
	root  *os.Root
	parts []part
	// done are the names that were given, in order; drop takes them back unless the batch was finished.
	done     []string
	finished bool
}

type part struct {
	place place
	temp  string
}

// unfinished is how the names of files begin that are being written. No pattern takes them for results.
const unfinished = ".isac-"

// unfinishedCount keeps two writers of one process apart.
var unfinishedCount atomic.Int64

func (b *batch) write(p place, data []byte) error {
	if err := b.root.MkdirAll(p.dir, 0o777); err != nil {
		return err
	}
	temp := path.Join(p.dir, fmt.Sprintf("%s%d-%d.part", unfinished, os.Getpid(), unfinishedCount.Add(1)))
	// One of the same name can only be what a process of this number left behind when it was killed.
	if err := b.root.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := b.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	b.parts = append(b.parts, part{p, temp})
	if _, err = file.Write(data); err == nil {
		err = file.Sync() // who is told of a file finds it after a power cut too
	}
	return errors.Join(err, file.Close())
}

// commit gives the written files their names.
func (b *batch) commit() ([]string, error) {
	var replaced []part
	for _, p := range b.parts {
		if !p.place.name.counts {
			replaced = append(replaced, p)
			b.done = append(b.done, "")
			continue
		}
		name, err := b.number(p)
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", filepath.Join(b.root.Name(), p.place.dir, p.place.name.String()), err)
		}
		b.done = append(b.done, name)
	}
	// What replaces older files comes last: it cannot be taken back.
	for _, p := range replaced {
		name := path.Join(p.place.dir, p.place.name.String())
		if err := b.root.Rename(p.temp, name); err != nil {
			return nil, fmt.Errorf("write %s: %w", filepath.Join(b.root.Name(), name), err)
		}
		for i := range b.parts {
			if b.parts[i].temp == p.temp {
				b.done[i] = name
			}
		}
	}
	b.finished = true
	return b.done, nil
}

// number gives a file the next number. A hard link fails where the name is taken, so that two hosts that write into one folder
// do not overwrite each other; where the file system has no hard links, a rename has to do.
func (b *batch) number(p part) (string, error) {
	const tries = 1000
	next, err := p.place.name.next(b.root, p.place.dir)
	if err != nil {
		return "", err
	}
	for range tries {
		name := path.Join(p.place.dir, p.place.name.numbered(next))
		switch err := b.root.Link(p.temp, name); {
		case err == nil:
			return name, nil // drop removes the other name
		case errors.Is(err, fs.ErrExist):
			next++
			continue
		}
		if _, err := b.root.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			return name, b.root.Rename(p.temp, name)
		}
		next++
	}
	return "", fmt.Errorf("%d names are taken, up to %s", tries, p.place.name.numbered(next))
}

// drop removes what is not to stay.
func (b *batch) drop() {
	for i, p := range b.parts {
		_ = b.root.Remove(p.temp) // mostly gone by its rename
		if !b.finished && i < len(b.done) && b.done[i] != "" && p.place.name.counts {
			_ = b.root.Remove(b.done[i])
		}
	}
}
