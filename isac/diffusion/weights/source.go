package weights

import (
	"fmt"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/torch"
)

// Source is a flat set of named tensors. Shape and DType read the header only, never the data.
type Source interface {
	// Names lists every tensor, sorted.
	Names() []string
	// Has says whether there is a tensor of this name.
	Has(name string) bool
	// Shape gives a tensor's shape, false where there is none of this name. The slice is the caller's.
	Shape(name string) ([]int64, bool)
	// DType gives a tensor's element type as stored, false where there is none of this name.
	DType(name string) (DType, bool)
	// Tensor reads the tensor as stored, owned by the current scope. It may be a view of a larger one: Clone what has to live longer.
	Tensor(name string) (torch.Tensor, error)
	// Origin says where the tensor comes from, for error messages: the file, and the tensor's own name there if it has another.
	Origin(name string) string
}

// view is a Source whose names stand for tensors of another one.
type view struct {
	src   Source
	names []string
	to    map[string]string
}

// Prefix gives the tensors of src whose names begin with prefix, with the prefix cut off. The prefix holds its own dot: "text_model.".
func Prefix(src Source, prefix string) Source {
	to := map[string]string{}
	for _, name := range src.Names() {
		if rest, ok := strings.CutPrefix(name, prefix); ok && rest != "" {
			to[rest] = name
		}
	}
	return Renamed(src, to)
}

// Renamed gives the tensors of src under other names: to maps each new name to the name in src. Names that src does not have are
// left out, and so are tensors that no new name stands for.
func Renamed(src Source, to map[string]string) Source {
	v := &view{src: src, to: map[string]string{}}
	for name, old := range to {
		if src.Has(old) {
			v.to[name] = old
			v.names = append(v.names, name)
		}
	}
	slices.Sort(v.names)
	return v
}

func (v *view) Names() []string      { return slices.Clone(v.names) }
func (v *view) Has(name string) bool { _, ok := v.to[name]; return ok }

func (v *view) Shape(name string) ([]int64, bool) {
	old, ok := v.to[name]
	if !ok {
		return nil, false
	}
	return v.src.Shape(old)
}

func (v *view) DType(name string) (DType, bool) {
	old, ok := v.to[name]
	if !ok {
		return "", false
	}
	return v.src.DType(old)
}

func (v *view) Tensor(name string) (torch.Tensor, error) {
	old, ok := v.to[name]
	if !ok {
		return torch.Tensor{}, fmt.Errorf("tensor %q: %w", name, ErrMissing)
	}
	t, err := v.src.Tensor(old)
	if err != nil && old != name {
		return t, fmt.Errorf("tensor %q: %w", name, err)
	}
	return t, err
}

func (v *view) Origin(name string) string {
	if old, ok := v.to[name]; ok {
		return v.src.Origin(old)
	}
	return v.src.Origin(name)
}

// union shows several sources as one. Names are distinct between them.
type union struct {
	names []string
	of    map[string]Source
	where string
}

func newUnion(where string, sources ...Source) (*union, error) {
	u := &union{of: map[string]Source{}, where: where}
	for _, s := range sources {
		for _, name := range s.Names() {
			if first, ok := u.of[name]; ok {
				return nil, fmt.Errorf("%s: tensor %q is in two files, %s and %s: delete one", where, name, first.Origin(name), s.Origin(name))
			}
			u.of[name] = s
			u.names = append(u.names, name)
		}
	}
	slices.Sort(u.names)
	return u, nil
}

func (u *union) Names() []string      { return slices.Clone(u.names) }
func (u *union) Has(name string) bool { _, ok := u.of[name]; return ok }

func (u *union) Shape(name string) ([]int64, bool) {
	if s, ok := u.of[name]; ok {
		return s.Shape(name)
	}
	return nil, false
}

func (u *union) DType(name string) (DType, bool) {
	if s, ok := u.of[name]; ok {
		return s.DType(name)
	}
	return "", false
}

func (u *union) Tensor(name string) (torch.Tensor, error) {
	if s, ok := u.of[name]; ok {
		return s.Tensor(name)
	}
	return torch.Tensor{}, fmt.Errorf("%s: tensor %q: %w", u.where, name, ErrMissing)
}

func (u *union) Origin(name string) string {
	if s, ok := u.of[name]; ok {
		return s.Origin(name)
	}
	return u.where
}
