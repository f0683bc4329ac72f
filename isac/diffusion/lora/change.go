package lora

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// Weight gives the change of a layer's weight at a strength; nil where the file changes only its bias. shape is that of the model's weight,
// which is a piece of the weight that the file means: with Parts, the file's has so many times its rows. It is weights.ErrShape where
// the file's tensors have other shapes, ErrMissing where one of them is not there, and ErrUnsupported for a change that is not computed.
func (f *File) Weight(name string, shape []int64, piece weights.Piece, strength float64) (weights.Change, error) {
	l := f.layers[name]
	c := base{file: f, layer: l, piece: piece, strength: strength, whole: whole(shape, piece)}
	if _, other := l.of[unknown]; other || len(l.kinds) != 1 {
		return nil, fmt.Errorf("%s: a change of this kind is not computed: %w", name, weights.ErrUnsupported)
	}
	var delta dense
	switch l.kinds[0] {
	case lowRank:
		delta = product{c}
	case hadamard:
		delta = hadamards{c}
	case kronecker:
		delta = kron{c}
	case difference:
		if _, ok := l.of[diff]; !ok {
			return nil, nil
		}
		delta = given{c, diff}
	}
	if err := delta.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if _, decomposed := l.of[dora]; decomposed {
		d := decompose{base: c, delta: delta}
		if err := d.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return d, nil
	}
	if p, ok := delta.(product); ok {
		return low{added{p}, p}, nil
	}
	return added{delta}, nil
}

// Bias is Weight for a layer's bias; nil where the file leaves it as it is.
func (f *File) Bias(name string, shape []int64, piece weights.Piece, strength float64) (weights.Change, error) {
	l := f.layers[name]
	_, other := l.of[unknown]
	if _, ok := l.of[diffB]; !ok || other || len(l.kinds) != 1 {
		return nil, nil
	}
	delta := given{base{file: f, layer: l, piece: piece, strength: strength, whole: whole(shape, piece)}, diffB}
	if err := delta.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return added{delta}, nil
}

// whole is the shape of the tensor that one of a shape is a piece of.
func whole(shape []int64, piece weights.Piece) []int64 {
	out := append([]int64{}, shape...)
	if piece.Parts > 0 && len(out) > 0 {
		out[0] *= int64(piece.Parts)
	}
	return out
}

// dense is a change of a whole weight.
type dense interface {
	// check compares shapes, without reading tensors.
	check() error
	// delta gives a·ΔW in float32 on the CPU, in the shape of the whole weight.
	delta() (torch.Tensor, error)
	common() base
}

// base is what all kinds of changes have.
type base struct {
	file     *File
	layer    layer
	piece    weights.Piece
	whole    []int64 // shape of the weight that the file means
	strength float64
}

func (b base) common() base { return b }

// shape of a tensor of the layer, which has to be there.
func (b base) shape(r role) ([]int64, error) {
	name, ok := b.layer.of[r]
	if !ok {
		return nil, fmt.Errorf("no tensor %q: %w", r, weights.ErrMissing)
	}
	shape, _ := b.file.src.Shape(name)
	if len(shape) == 0 {
		return nil, fmt.Errorf("%q is a single number: %w", name, weights.ErrShape)
	}
	return shape, nil
}

func (b base) has(r role) bool { return b.layer.of[r] != "" }

// read gives a tensor of the layer in float32.
func (b base) read(r role) (torch.Tensor, error) {
	t, err := b.file.src.Tensor(b.layer.of[r])
	if err != nil {
		return t, err
	}
	err = torch.Try(func() error { t = t.To(torch.Float32); return nil })
	return t, err
}

// matrix is read with all dimensions but the first in one.
func (b base) matrix(r role) (torch.Tensor, error) {
	t, err := b.read(r)
	if err != nil || t.Dim() == 2 {
		return t, err
	}
	return t.Reshape(t.Size(0), -1), nil
}

// scale is alpha/rank, 1 without alpha.
func (b base) scale(rank int64) (float64, error) {
	if !b.has(alpha) {
		return 1, nil
	}
	a, err := b.read(alpha)
	if err != nil {
		return 0, err
	}
	if a.Numel() != 1 {
		return 0, fmt.Errorf("alpha has shape %v, expected one number: %w", a.Shape(), weights.ErrShape)
	}
	return a.Reshape(1).Select(0, 0).Item() / float64(rank), nil
}

// misfit says that tensors of a file make a weight of another shape than the model's.
func (b base) misfit(made ...int64) error {
	return fmt.Errorf("it changes a weight of %v, the model's has %v: %w", made, b.whole, weights.ErrShape)
}

// numel is the product of some dimensions.
func numel(shape []int64) int64 {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	return n
}

// added is w + s·a·ΔW.
type added struct{ dense }

func (a added) Apply(w torch.Tensor) (torch.Tensor, error) {
	d, err := a.delta()
	if err != nil {
		return d, err
	}
	c := a.common()
	if d, err = c.piece.Of(d.Reshape(c.whole...)); err != nil {
		return d, err
	}
	return w.Add(d.ToDevice(w.Device()).MulScalar(c.strength)), nil
}
