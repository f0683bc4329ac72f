package lora

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// eps keeps norms from being 0: float32's, as in ComfyUI.
const eps = 1.1920928955078125e-07

// decompose is DoRA's change: the weight with the delta is brought to the magnitudes m that the file holds. They are of W's outputs where
// there are as many; else of the inputs of the changed weight.
type decompose struct {
	base
	delta dense
}

func (d decompose) outputs() bool {
	shape, err := d.shape(dora)
	return err == nil && shape[0] == d.whole[0]
}

func (d decompose) check() error {
	shape, err := d.shape(dora)
	switch {
	case err != nil:
		return err
	case len(d.whole) < 2:
		return fmt.Errorf("magnitudes of a weight of shape %v: %w", d.whole, weights.ErrShape)
	case d.outputs() && numel(shape) == d.whole[0], !d.outputs() && numel(shape) == d.whole[1] && d.piece.Parts == 0:
		return nil
	case !d.outputs() && d.piece.Parts > 0:
		return fmt.Errorf("magnitudes of the inputs of several layers at once are not computed: %w", weights.ErrUnsupported)
	}
	return fmt.Errorf("there are magnitudes of shape %v for a weight of %v: %w", shape, d.whole, weights.ErrShape)
}

func (d decompose) Apply(w torch.Tensor) (torch.Tensor, error) {
	delta, err := d.delta.delta()
	if err != nil {
		return delta, err
	}
	if delta, err = d.piece.Of(delta.Reshape(d.whole...)); err != nil {
		return delta, err
	}
	m, err := d.read(dora)
	if err != nil {
		return m, err
	}
	changed := w.Add(delta.ToDevice(w.Device()))
	n := w.Dim()
	shape := make([]int64, n)
	for i := range shape {
		shape[i] = 1
	}
	var norm torch.Tensor
	if d.outputs() {
		shape[0] = -1
		if m, err = d.piece.Of(m.Reshape(d.whole[0])); err != nil {
			return m, err
		}
		norm = w.Reshape(w.Size(0), -1).Norm(2, []int64{1}, false)
	} else {
		shape[1] = -1
		norm = changed.Transpose(0, 1).Reshape(w.Size(1), -1).Norm(2, []int64{1}, false)
	}
	ratio := m.ToDevice(w.Device()).Reshape(shape...).Div(norm.Reshape(shape...).AddScalar(eps))
	return w.Add(changed.Mul(ratio).Sub(w).MulScalar(d.strength)), nil
}
