package lora

import (
	"fmt"
	"slices"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// hadamards is LoHa's change: the product of two matrices of low rank, element by element. With t1 and t2, which are kernels, each of the two
// is B's and A's sum over them.
type hadamards struct{ base }

func (h hadamards) check() error {
	for i, part := range [2][3]role{{w1a, w1b, t1}, {w2a, w2b, t2}} {
		a, err := h.shape(part[0])
		if err != nil {
			return err
		}
		b, err := h.shape(part[1])
		if err != nil {
			return err
		}
		out, in, rank := a[0], numel(b[1:]), numel(a[1:])
		if h.has(t1) || h.has(t2) {
			t, err := h.shape(part[2])
			if err != nil {
				return err
			}
			if len(t) != 4 || t[0] != a[0] || t[1] != b[0] {
				return fmt.Errorf("kernel %d has shape %v, expected [%d %d k k]: %w", i+1, t, a[0], b[0], weights.ErrShape)
			}
			out, in, rank = rank, in*t[2]*t[3], b[0]
		}
		if rank != b[0] {
			return fmt.Errorf("factors %d have shapes %v and %v: %w", i+1, a, b, weights.ErrShape)
		}
		if len(h.whole) == 0 || out != h.whole[0] || in != numel(h.whole[1:]) {
			return h.misfit(out, in)
		}
	}
	return nil
}

func (h hadamards) delta() (torch.Tensor, error) {
	first, rank, err := h.pair(w1a, w1b, t1)
	if err != nil {
		return first, err
	}
	second, _, err := h.pair(w2a, w2b, t2)
	if err != nil {
		return second, err
	}
	a, err := h.scale(rank)
	if err != nil {
		return first, err
	}
	return first.Mul(second).MulScalar(a), nil
}

// pair is A·B [out,n], or with a kernel T its sum over A and B. The rank is B's.
func (b base) pair(first, second, kernel role) (t torch.Tensor, rank int64, err error) {
	l, err := b.matrix(first)
	if err != nil {
		return t, 0, err
	}
	r, err := b.matrix(second)
	if err != nil {
		return t, 0, err
	}
	if !b.has(kernel) {
		return l.Matmul(r), r.Size(0), nil
	}
	k, err := b.read(kernel)
	if err != nil {
		return t, 0, err
	}
	return torch.Einsum("ijkl,jr,ip->prkl", k, r, l), r.Size(0), nil
}

// kron is LoKr's change: the Kronecker product of two matrices, each of which may be a product of low rank.
type kron struct{ base }

// factor is the shape of one of the two, and the rank of its product, 0 where it is no product.
func (k kron) factor(whole, first, second, kernel role) (shape []int64, rank int64, err error) {
	if k.has(whole) {
		shape, err = k.shape(whole)
		return shape, 0, err
	}
	a, err := k.shape(first)
	if err != nil {
		return nil, 0, err
	}
	b, err := k.shape(second)
	if err != nil {
		return nil, 0, err
	}
	if kernel != "" && k.has(kernel) {
		t, err := k.shape(kernel)
		if err != nil {
			return nil, 0, err
		}
		if len(t) != 4 || t[0] != a[0] || t[1] != b[0] {
			return nil, 0, fmt.Errorf("the kernel has shape %v, expected [%d %d k k]: %w", t, a[0], b[0], weights.ErrShape)
		}
		return []int64{numel(a[1:]), numel(b[1:]), t[2], t[3]}, b[0], nil
	}
	if numel(a[1:]) != b[0] {
		return nil, 0, fmt.Errorf("factors have shapes %v and %v: %w", a, b, weights.ErrShape)
	}
	return []int64{a[0], numel(b[1:])}, b[0], nil
}

func (k kron) check() error {
	a, _, err := k.factor(w1, w1a, w1b, "")
	if err != nil {
		return err
	}
	b, _, err := k.factor(w2, w2a, w2b, t2)
	if err != nil {
		return err
	}
	if len(a) != 2 || len(b) != 2 && len(b) != 4 {
		return fmt.Errorf("factors have shapes %v and %v, expected a matrix, and a matrix or a kernel: %w", a, b, weights.ErrShape)
	}
	out, in := a[0]*b[0], a[1]*numel(b[1:])
	if len(k.whole) == 0 || out != k.whole[0] || in != numel(k.whole[1:]) {
		return k.misfit(out, in)
	}
	return nil
}

func (k kron) delta() (torch.Tensor, error) {
	one := func(whole, first, second, kernel role) (torch.Tensor, int64, error) {
		if k.has(whole) {
			t, err := k.read(whole)
			return t, 0, err
		}
		return k.pair(first, second, kernel)
	}
	a, rank, err := one(w1, w1a, w1b, "")
	if err != nil {
		return a, err
	}
	b, second, err := one(w2, w2a, w2b, t2)
	if err != nil {
		return b, err
	}
	scale := 1.0
	if second > 0 { // the second factor's rank counts, where it has one
		rank = second
	}
	if rank > 0 {
		if scale, err = k.scale(rank); err != nil {
			return a, err
		}
	}
	s := b.Shape()
	rest := append([]int64{a.Size(0) * s[0], a.Size(1) * s[1]}, s[2:]...)
	b = b.Reshape(s[0], s[1], numel(s[2:]))
	return torch.Einsum("ij,klm->ikjlm", a, b).Reshape(rest...).MulScalar(scale), nil
}

// given is a change that the file holds as it is.
type given struct {
	base
	role role
}

func (g given) check() error {
	shape, err := g.shape(g.role)
	if err == nil && !slices.Equal(shape, g.whole) {
		err = g.misfit(shape...)
	}
	return err
}

func (g given) delta() (torch.Tensor, error) { return g.read(g.role) }
