package lora

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// product is LoRA's change: a·Up·Down, with the kernel of a middle convolution between them in LoCon's.
type product struct{ base }

func (p product) check() error {
	u, err := p.shape(up)
	if err != nil {
		return err
	}
	d, err := p.shape(down)
	if err != nil {
		return err
	}
	rank, in := d[0], numel(d[1:])
	if p.has(mid) {
		m, err := p.shape(mid)
		if err != nil {
			return err
		}
		if len(m) != 4 || m[1] != rank {
			return fmt.Errorf("the middle convolution has shape %v, expected [r %d k k]: %w", m, rank, weights.ErrShape)
		}
		rank, in = m[0], in*m[2]*m[3]
	}
	if numel(u[1:]) != rank || rank == 0 {
		return fmt.Errorf("up has shape %v and down %v, which have no rank in common: %w", u, d, weights.ErrShape)
	}
	if len(p.whole) == 0 || u[0] != p.whole[0] || in != numel(p.whole[1:]) {
		return p.misfit(u[0], in)
	}
	return nil
}

// factors are a·Up [out,r] and Down [r,n].
func (p product) factors() (u, d torch.Tensor, err error) {
	if u, err = p.matrix(up); err != nil {
		return u, d, err
	}
	if d, err = p.matrix(down); err != nil {
		return u, d, err
	}
	a, err := p.scale(d.Size(0))
	if err != nil {
		return u, d, err
	}
	if p.has(mid) {
		m, err := p.read(mid)
		if err != nil {
			return u, d, err
		}
		d = torch.Einsum("mnkl,nj->mjkl", m, d)
		d = d.Reshape(d.Size(0), -1)
	}
	return u.MulScalar(a), d, nil
}

func (p product) delta() (torch.Tensor, error) {
	u, d, err := p.factors()
	if err != nil {
		return u, err
	}
	return u.Matmul(d), nil
}

// low is the change for layers that add it themselves.
type low struct {
	added
	product product
}

func (l low) LowRank() (weights.LowRank, error) {
	u, d, err := l.product.factors()
	if err != nil {
		return weights.LowRank{}, err
	}
	if u, err = l.product.piece.Of(u); err != nil {
		return weights.LowRank{}, err
	}
	return weights.LowRank{Up: u.MulScalar(l.product.strength), Down: d}, nil
}
