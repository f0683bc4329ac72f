package weights

import (
	"slices"

	"github.com/isac-guidance/isac/isac/torch"
)

// Over gives src with some tensors from elsewhere in the place of its own: those of given that src has too, in the same shape. They may have
// another element type, and lie on another device. used are their names, sorted. given has to live as long as anything is read.
func Over(src Source, given map[string]torch.Tensor) (over Source, used []string) {
	o := &overlaid{Source: src, given: map[string]torch.Tensor{}}
	for name, t := range given {
		if shape, ok := src.Shape(name); ok && slices.Equal(shape, t.Shape()) {
			o.given[name] = t
			used = append(used, name)
		}
	}
	slices.Sort(used)
	return o, used
}

type overlaid struct {
	Source
	given map[string]torch.Tensor
}

// Tensor is a tensor of its own over the given one's memory, so that closing it closes that one's handle alone.
func (o *overlaid) Tensor(name string) (torch.Tensor, error) {
	t, ok := o.given[name]
	if !ok {
		return o.Source.Tensor(name)
	}
	var alias torch.Tensor
	err := torch.Try(func() error { alias = t.Detach(); return nil })
	return alias, err
}
