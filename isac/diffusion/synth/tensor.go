package synth

import (
	"fmt"
	"maps"
	"slices"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// tensor is one tensor of a checkpoint and what its values are.
type tensor struct {
	name   string
	shape  []int64
	values values
}

func (t tensor) elements() int64 {
	n := int64(1)
	for _, d := range t.shape {
		n *= d
	}
	return n
}

// values says how a tensor is filled.
type values struct {
	kind            kind
	mean, deviation float64
}

type kind int

const (
	normal   kind = iota // by mean and deviation
	counting             // 0, 1, 2, …, as whole numbers
	identity             // a matrix that changes nothing
)

// checkpoint is the tensors of a single file by name. It is a weights.Source of names and shapes.
type checkpoint struct {
	tensors map[string]tensor
	dtype   weights.DType
}

var _ weights.Source = checkpoint{}

func (c checkpoint) Names() []string      { return slices.Sorted(maps.Keys(c.tensors)) }
func (c checkpoint) Has(name string) bool { _, ok := c.tensors[name]; return ok }
func (c checkpoint) Origin(string) string { return "a synthetic checkpoint" }

func (c checkpoint) Shape(name string) ([]int64, bool) {
	t, ok := c.tensors[name]
	return slices.Clone(t.shape), ok
}

func (c checkpoint) DType(name string) (weights.DType, bool) {
	t, ok := c.tensors[name]
	if ok && t.values.kind == counting {
		return weights.I64, true
	}
	return c.dtype, ok
}

// Tensor gives none: the values are made when they are written.
func (c checkpoint) Tensor(name string) (torch.Tensor, error) {
	return torch.Tensor{}, fmt.Errorf("tensor %q of a synthetic checkpoint has no values before it is written: %w", name, weights.ErrUnsupported)
}
