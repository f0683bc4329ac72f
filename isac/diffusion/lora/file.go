package lora

import (
	"fmt"
	"slices"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// File is a LoRA file, by layers.
type File struct {
	src    weights.Source
	layers map[string]layer
	names  []string // of layers, sorted
	rest   []string
}

// layer is one layer's change.
type layer struct {
	kinds   []kind // of the tensors, usually one
	of      map[role]string
	tensors []string
}

// Read sorts a file's tensors by layers. src has to stay open while changes are computed. A file that holds no LoRA is
// weights.ErrUnsupported.
func Read(src weights.Source) (*File, error) {
	f := &File{src: src, layers: map[string]layer{}}
	changes := false
	for _, name := range src.Names() {
		at, e, ok := split(name)
		if !ok {
			f.rest = append(f.rest, name)
			continue
		}
		l, known := f.layers[at]
		if !known {
			f.names, l.of = append(f.names, at), map[role]string{}
		}
		if _, twice := l.of[e.role]; twice { // two adapters in one file: neither is meant more than the other
			e.role = unknown
		}
		l.of[e.role] = name
		l.tensors = append(l.tensors, name)
		if e.kind != anyKind && !slices.Contains(l.kinds, e.kind) {
			l.kinds = append(l.kinds, e.kind)
		}
		changes = changes || e.kind != anyKind || e.role == unknown
		f.layers[at] = l
	}
	slices.Sort(f.names)
	if !changes {
		return nil, fmt.Errorf("none of its %d tensors is a LoRA's: %w", len(src.Names()), weights.ErrUnsupported)
	}
	return f, nil
}

// Layers lists the layers that the file changes, by its own names for them, sorted.
func (f *File) Layers() []string { return f.names }

// Tensors lists the tensors of a layer, sorted.
func (f *File) Tensors(layer string) []string { return f.layers[layer].tensors }

// Rest lists the tensors that belong to no layer's change, sorted.
func (f *File) Rest() []string { return f.rest }

// Source has the file's tensors.
func (f *File) Source() weights.Source { return f.src }
