package nodes

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/torch"
)

// Mask is the value of type MASK: planes of one size that say how much of something is where.
type Mask struct {
	held
	// Planes is [B,H,W], float32, 0..1, on the CPU; kept out of all scopes until Close.
	Planes torch.Tensor
}

// ComfyType is "MASK".
func (*Mask) ComfyType() string { return "MASK" }

// newMask takes planes [B,H,W] over.
func newMask(planes torch.Tensor) *Mask {
	m := &Mask{Planes: planes.Contiguous().Keep()}
	m.held.free = m.Planes.Close
	return m
}

// check says whether there is anything in the mask.
func (m *Mask) check() error {
	if s := m.Planes.Shape(); len(s) != 3 || m.Planes.Numel() == 0 {
		return fmt.Errorf("mask of shape %v: expected [batch, height, width] with at least one pixel", s)
	}
	return nil
}
