package isac

import (
	"slices"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// Engine says how the gradient of the losses is taken.
type Engine string

const (
	// EngineAuto is sparse where the overlap is a maximum, else dense.
	EngineAuto Engine = "auto"
	// EngineDense forms SA with gradient in full, [HW,HW].
	EngineDense Engine = "dense"
	// EngineSparse forms with gradient those rows of SA alone that the losses depend on. The gradient is the same: which rows these
	// are follows from the maximum in (6).
	EngineSparse Engine = "sparse"
)

// sparse tells which engine it is.
func (o Options) sparse() bool {
	return o.Engine == EngineSparse || o.Engine != EngineDense && o.Overlap == OverlapMPO
}

// Streams tells whether self-attention maps are made without gradient: whether the engine is sparse.
func (o Options) Streams() bool { return o.sparse() }

var _ guidance.Streamer = Options{}

// attention is how maps are made of taps.
func (o Options) attention() attention.Options {
	return attention.Options{DivideUpsampled: o.UpsampleNorm, Renormalise: o.RenormaliseJoint, DetachSelf: o.sparse()}
}

// Online tells that SA may be added up while the model is evaluated: with the engine sparse, whose gradient needs few of its rows.
func (o Options) Online() (attention.Options, bool) { return o.attention(), o.sparse() }

var _ guidance.Onliner = Options{}

// rowLosses are L_ins (8) and L_cls (12) where overlaps are maxima, with all of their gradient. What it rests on:
//
//	(6)   MPO has the gradient of the one pixel p where the product of two masks is largest; so has the largest of all pairs, (8) and
//	      (12), that of its one pair. Both are known.
//	(11)  M[i][p] = Σ_q SA[p,q]·K[q,i] over the foreground q: the row p of SA. K has no gradient.
//	(7)   CA^prop[p,τ] = Σ_q SA[p,q]·CA[q,τ]: the row p of SA, and whole columns of CA.
//	(14)  a min-maxed SA has also the gradients of its smallest and its largest element: their rows. Of equals each has its share.
//	(4)   a row of SA is, in a layer of a coarser grid, the bilinear mean of up to four of the layer's rows (attention.Rows).
//
// So at most a few rows of each layer's self-attention are formed again with gradient. CA, which is HW×L and small, has it in full, and
// with it whatever its normalisation depends on.
//
// The one error is attention.ErrManyRows.
func (g *guide) rowLosses(s seen, instance, class *guidance.Peak) (ins, cls torch.Tensor, err error) {
	var pixels []int
	if instance != nil {
		pixels = append(pixels, s.pixels[instance.Pixel])
	}
	if class != nil && g.opt.NoPropagation { // no row of SA has a part in it
		cls = product(g.classMaps(torch.Tensor{}, s.cross.Narrow(0, int64(class.Pixel), 1)), *class)
		class = nil
	}
	if class != nil {
		pixels = append(pixels, class.Pixel)
	}
	if len(pixels) == 0 {
		return ins, cls, nil
	}
	pixels = append(append(pixels, s.span.low.rows...), s.span.high.rows...)
	slices.Sort(pixels)
	pixels = slices.Compact(pixels)
	rows, err := attention.Rows(s.r, s.options, pixels, func() torch.Tensor { // [n,HW]
		return s.span.undo(s.self.Detach().IndexSelect(0, indices(pixels, s.self.Device())))
	})
	if err != nil {
		return ins, cls, err
	}
	at := func(t torch.Tensor, pixel int) torch.Tensor {
		i, _ := slices.BinarySearch(pixels, pixel)
		return t.Narrow(0, int64(i), 1)
	}
	if s.span.minmaxed() {
		low := s.span.low.of(rows, pixels)
		rows = rows.Sub(low).Div(s.span.high.of(rows, pixels).Sub(low))
	}
	if instance != nil {
		p := at(rows, s.pixels[instance.Pixel]).IndexSelect(1, indices(s.pixels, rows.Device()))
		ins = product(p.Matmul(s.member), *instance)
	}
	if class != nil {
		cls = product(g.classMaps(at(rows, class.Pixel), s.cross), *class)
	}
	return ins, cls, nil
}

// product is A[p]·B[p] of a pair's columns of a row [1,n].
func product(row torch.Tensor, pair guidance.Peak) torch.Tensor {
	v := row.Select(0, 0)
	return v.Select(0, int64(pair.First)).Mul(v.Select(0, int64(pair.Second)))
}

// indices are pixels on a device.
func indices(pixels []int, dev torch.Device) torch.Tensor {
	at := make([]int64, len(pixels))
	for i, p := range pixels {
		at[i] = int64(p)
	}
	return torch.FromInt64s(at, int64(len(at))).ToDevice(dev)
}
