package synth

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// Options say what is written.
type Options struct {
	// Kind is one of Names: "sd1", "sd2-v", ….
	Kind string
	// Small keeps the form and makes everything narrow and shallow: a few megabytes instead of gigabytes.
	Small bool
	// Narrow keeps text encoders, autoencoder and all that other programs tell a family by, such as the first level's channels and the
	// width of the text, and makes the denoiser as narrow as that allows. Small goes before Narrow.
	Narrow bool
	// Layout is a single file or a diffusers folder. Of one seed both hold the same model.
	Layout family.Layout
	// DType is what is stored: weights.F32, F16 or BF16.
	DType weights.DType
	// Seed decides every value: the same options give the same bytes.
	Seed uint64
}

// Written tells what was written.
type Written struct {
	// Path is the file or folder.
	Path string
	// Tensors is how many there are, Parameters how many values that a model learns they have, Bytes the size of all files.
	Tensors           int
	Parameters, Bytes int64
}

// ErrSpace says that the disk has too little space for the checkpoint.
var ErrSpace = errors.New("too little space")

// Write writes a checkpoint to path, which must not be there yet: it appears whole, by rename, or not at all. All that is wrong with the
// options is told at once; a checkpoint for which the disk has no space is not begun (ErrSpace).
func Write(path string, o Options) (Written, error) {
	p, err := newPlan(o)
	if _, exists := os.Lstat(path); exists == nil {
		err = errors.Join(err, fmt.Errorf("%s: %w: remove it, or give another name", path, fs.ErrExist))
	}
	if info, gone := os.Stat(filepath.Dir(path)); gone != nil {
		err = errors.Join(err, fmt.Errorf("folder to write to: %w", gone))
	} else if !info.IsDir() {
		err = errors.Join(err, fmt.Errorf("folder to write to: %s is not a folder", filepath.Dir(path)))
	}
	if err == nil {
		err = enough(filepath.Dir(path), p.bytes())
	}
	if err == nil {
		err = p.write(path)
	}
	if err != nil {
		return Written{}, fmt.Errorf("write a synthetic checkpoint: %w", err)
	}
	w := Written{Path: path}
	w.Tensors, w.Parameters = p.count()
	w.Bytes, err = sizeOf(path)
	return w, err
}

// plan is a checkpoint that can be written.
type plan struct {
	Options
	variant variant
	family  *family.Family
	sizes   sizes
	all     checkpoint
}

func newPlan(o Options) (plan, error) {
	p := plan{Options: o}
	var errs []error
	var err error
	if p.variant, err = named(o.Kind); err != nil {
		errs = append(errs, err)
	}
	if o.Layout != family.SingleFile && o.Layout != family.Diffusers {
		errs = append(errs, fmt.Errorf("no layout is called %q: use %q or %q", o.Layout, family.SingleFile, family.Diffusers))
	}
	if o.DType != weights.F32 && o.DType != weights.F16 && o.DType != weights.BF16 {
		errs = append(errs, fmt.Errorf("the type to store is %q, expected %s, %s or %s", o.DType, weights.F32, weights.F16, weights.BF16))
	}
	if len(errs) > 0 {
		return p, errors.Join(errs...)
	}
	if p.family, err = family.Named(p.variant.family); err != nil {
		return p, err
	}
	switch p.sizes = p.variant.full; {
	case o.Small:
		p.sizes = p.variant.small
	case o.Narrow:
		p.sizes = p.variant.full.narrow()
	}
	p.all = checkpoint{p.sizes.build(p.family), o.DType}
	return p, nil
}

// side is the side of the latents that the model says that it was made for: what single files of the family are taken for.
func (p plan) side() int64 {
	if p.Layout == family.Diffusers && !p.Small && !p.Narrow {
		return p.variant.side
	}
	return p.family.Native
}

// bytes is about what the tensors take: a folder leaves some out.
func (p plan) bytes() int64 {
	n := int64(0)
	for name, t := range p.all.tensors {
		d, _ := p.all.DType(name)
		n += t.elements() * d.Bits() / 8
	}
	return n
}

// count gives the number of tensors, and that of parameters: whole numbers are none.
func (p plan) count() (tensors int, elements int64) {
	if p.Layout == family.SingleFile {
		for _, t := range p.all.tensors {
			if t.values.kind != counting {
				elements += t.elements()
			}
		}
		return len(p.all.tensors), elements
	}
	for _, part := range folderParts(p.family, p.sizes, p.all) {
		tensors += len(part.tensors)
		for _, t := range part.tensors {
			elements += tensor{shape: t.shape}.elements()
		}
	}
	return tensors, elements
}

func (p plan) write(path string) error {
	if p.Layout == family.SingleFile {
		return p.writeSingle(path)
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := p.writeFolder(dir); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	return os.Rename(dir, path)
}

func (p plan) writeSingle(path string) error {
	var streams []weights.Stream
	for _, name := range p.all.Names() {
		t := p.all.tensors[name]
		dtype, _ := p.all.DType(name)
		streams = append(streams, weights.Stream{Name: name, DType: dtype, Shape: t.shape, Data: func(w io.Writer) error {
			return newStream(t, p.Seed, dtype).write(w, 0, t.elements())
		}})
	}
	return weights.WriteStream(path, streams, map[string]string{"format": "pt"})
}

// sizeOf is the size of a file, or of all files in a folder.
func sizeOf(path string) (bytes int64, err error) {
	err = filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	return bytes, err
}
