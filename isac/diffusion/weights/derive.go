package weights

import (
	"fmt"
	"slices"

	"github.com/isac-guidance/isac/isac/torch"
)

// Piece says which part of a stored tensor another name stands for: checkpoints keep queries, keys and values in one matrix
// where layers want three, or a matrix the other way round.
type Piece struct {
	// Name is the tensor's in the source.
	Name string
	// Part is which of Parts equal runs of rows (dimension 0) is meant, from 0. Parts 0 stands for the whole tensor.
	Part, Parts int
	// Transposed exchanges the two dimensions of a matrix.
	Transposed bool
	// SwapHalves exchanges the first and the second half of the rows: shift and scale stand in either order.
	SwapHalves bool
}

// Derive gives tensors of src, or parts of them, under other names: to maps each new name to a piece. Names that src does not have
// are left out, and so are tensors that no new name stands for. A piece that the stored shape does not allow is an error of
// Tensor, and has the stored shape.
func Derive(src Source, to map[string]Piece) Source {
	names := make(map[string]string, len(to))
	for name, p := range to {
		names[name] = p.Name
	}
	return &derived{Source: Renamed(src, names), to: to}
}

type derived struct {
	Source
	to map[string]Piece
}

func (d *derived) Shape(name string) ([]int64, bool) {
	stored, ok := d.Source.Shape(name)
	if shape, err := d.to[name].shape(stored); err == nil {
		return shape, ok
	}
	return stored, ok
}

// shape is that of the piece of a tensor that is stored in a shape.
func (p Piece) shape(stored []int64) ([]int64, error) {
	shape := slices.Clone(stored)
	if p.Parts > 0 {
		if len(shape) == 0 || shape[0]%int64(p.Parts) != 0 {
			return nil, fmt.Errorf("shape %v cannot be cut into %d equal parts: %w", stored, p.Parts, ErrShape)
		}
		shape[0] /= int64(p.Parts)
	}
	if p.SwapHalves && (len(shape) == 0 || shape[0]%2 != 0) {
		return nil, fmt.Errorf("shape %v has no two halves: %w", stored, ErrShape)
	}
	if p.Transposed {
		if len(shape) != 2 {
			return nil, fmt.Errorf("shape %v, expected a matrix: %w", stored, ErrShape)
		}
		slices.Reverse(shape)
	}
	return shape, nil
}

func (d *derived) Tensor(name string) (torch.Tensor, error) {
	t, err := d.Source.Tensor(name)
	if err != nil {
		return t, err
	}
	if t, err = d.to[name].Of(t); err != nil {
		err = fmt.Errorf("%s: tensor %q: %w", d.Origin(name), name, err)
	}
	return t, err
}

// Of cuts the piece out of the tensor that it is of, in the current scope; it may be a view. A shape that does not allow it is ErrShape.
func (p Piece) Of(t torch.Tensor) (torch.Tensor, error) {
	if _, err := p.shape(t.Shape()); err != nil {
		return torch.Tensor{}, err
	}
	err := torch.Try(func() error {
		if p.Parts > 0 {
			rows := t.Size(0) / int64(p.Parts)
			t = t.Narrow(0, int64(p.Part)*rows, rows)
		}
		if p.SwapHalves {
			half := t.Size(0) / 2
			t = torch.Cat([]torch.Tensor{t.Narrow(0, half, half), t.Narrow(0, 0, half)}, 0)
		}
		if p.Transposed {
			t = t.Transpose(0, 1)
		}
		return nil
	})
	return t, err
}
