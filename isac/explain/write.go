package explain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2/maybe"
)

// Folder makes the folder that Write will write to, and tries whether files can be made there, so that a long run does not end
// in vain.
func Folder(dir string) error {
	if dir == "" {
		return errors.New("no folder to write to")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("the folder to write to cannot be made: %w", err)
	}
	f, err := os.CreateTemp(dir, ".explain-*")
	if err != nil {
		return fmt.Errorf("nothing can be written to the folder: %w", err)
	}
	f.Close()
	return os.Remove(f.Name())
}

// Write writes into a folder, which it makes if it is not there:
//
//	overview.png            Overview
//	step-03.png …           StepSheet of each of the Shown steps
//	losses.png              Losses
//	plain.png, guided.png   the two images
//	maps.json               Numbers
//
// Files that are there are replaced, each as a whole. It gives the paths in the order in which they were written, and stops
// between two files when ctx ends.
func Write(ctx context.Context, dir string, c *Comparison) ([]string, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := Folder(dir); err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	w := &writer{ctx: ctx, dir: dir}
	w.png("overview.png", func() (*image.RGBA, error) { return Overview(c) })
	for _, i := range c.Shown {
		w.png(fmt.Sprintf("step-%02d.png", i), func() (*image.RGBA, error) { return StepSheet(c, i) })
	}
	w.png("losses.png", func() (*image.RGBA, error) { return Losses(c) })
	for i, run := range c.runs() {
		if run.Image != nil {
			w.file(names[i]+".png", func() ([]byte, error) { return encode(run.Image) })
		}
	}
	w.file("maps.json", c.marshalNumbers)
	return w.paths, w.err
}

// writer writes files until the first error.
type writer struct {
	ctx   context.Context // of the one call to Write
	dir   string
	paths []string
	err   error
}

func (w *writer) png(name string, draw func() (*image.RGBA, error)) {
	w.file(name, func() ([]byte, error) {
		img, err := draw()
		if err != nil {
			return nil, err
		}
		return encode(img)
	})
}

func (w *writer) file(name string, content func() ([]byte, error)) {
	if w.err == nil {
		w.err = w.ctx.Err()
	}
	if w.err != nil {
		return
	}
	path := filepath.Join(w.dir, name)
	data, err := content()
	if err == nil {
		err = maybe.WriteFile(path, data, 0o644) // a reader never sees half of it
	}
	if err != nil {
		w.err = fmt.Errorf("explain: write %s: %w", name, err)
		return
	}
	w.paths = append(w.paths, path)
}

func encode(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	err := png.Encode(&b, img)
	return b.Bytes(), err
}
