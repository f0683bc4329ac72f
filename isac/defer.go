package isac

import (
	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/cluster"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// deferredPixels is the largest grid that is measured without reading: matrices of SA's size are made where else those of the foreground's do.
const deferredPixels = 64 * 64

var _ guidance.Deferrer = (*guide)(nil)

// Defer is Measure with what it reads left on the device: the foreground I is a vector of ones and zeros, the pixels of (6) and of (14) are indices.
// It can where the engine is sparse and instances go on from those of the step before. It supposes
//
//   - that maps have contrast and are finite,
//   - that each instance had pixels and has some, and that K-means comes to rest soon,
//   - that SA's smallest element and its largest, where it is min-maxed, stand in one row each,
//   - that two masks overlap somewhere, and two classes.
func (g *guide) Defer(r attention.Reading, step guidance.Step) (terms []guidance.Term, rest guidance.Deferred, ok bool, err error) {
	if r, err = g.read(r); err != nil {
		return nil, rest, false, err
	}
	at := cluster.Grid{Height: r.Top.Height, Width: r.Top.Width}
	if !g.opt.sparse() || r.Online() || r.Top.Pixels() > deferredPixels || !g.clusters.Defers(at) {
		return nil, rest, false, nil
	}
	n := g.target.Instances()
	kept := torch.WithScope(func() []torch.Tensor { return g.suppose(r, at, n) })
	rest.Values = kept[2]
	rest.Take = func(values []float64) (guidance.Measurement, bool) { return g.take(values, at, n) }
	return g.terms(kept[0], kept[1], step), rest, true, nil
}

// suppose is find: L_ins, L_cls, and what take reads. Maps have no gradient; see rowLosses.
func (g *guide) suppose(r attention.Reading, at cluster.Grid, n int) []torch.Tensor {
	options := g.opt.attention()
	end := torch.Section("maps")
	self, ca := attention.Accumulate(r, options)
	end()
	end = torch.Section("foreground")
	var low, high pin
	holds := []torch.Tensor{}
	if g.opt.SelfNorm == SelfMinMax {
		low, high = pinsOf(self)
		width := high.value.Sub(low.value)
		self = self.SubInPlace(low.value).MulInPlace(width.Reciprocal())
		holds = append(holds, width.NeScalar(0), low.single, high.single)
	}
	cross, flat := normaliseCross(ca, g.opt.CrossNorm, g.target.Positions())
	if flat.Defined() {
		holds = append(holds, flat.LogicalNot())
	}
	var prop, within, labels, masks, member torch.Tensor
	torch.NoGrad(func() {
		prop = g.classMaps(self, cross.Detach())
		within = binarise(prop).Amax([]int64{1}, false).To(self.DType())
	})
	holds = append(holds, prop.IsFinite().All())
	end()
	end = torch.Section("clusters")
	var grouped torch.Tensor
	torch.NoGrad(func() { labels, grouped = g.clusters.Defer(self, within, at, n) })
	holds = append(holds, grouped)
	end()
	end = torch.Section("masks")
	inside := within.Unsqueeze(1)
	torch.NoGrad(func() {
		member = labels.Unsqueeze(1).Eq(torch.Arange(0, float64(n), 1, torch.Int64, self.Device())).To(self.DType()).Mul(inside)
		masks = self.Matmul(member).Mul(inside)
	})
	end()
	defer torch.Section("losses")()
	instance := pairOf(masks)
	holds = append(holds, instance.positive)
	pixels := []torch.Tensor{instance.pixel}
	class := pair{}
	if prop.Size(1) > 1 {
		class = pairOf(prop)
		holds = append(holds, class.positive)
		pixels = append(pixels, class.pixel)
	}
	if low.at.Defined() {
		pixels = append(pixels, low.at, high.at)
	}
	rows := attention.RowsAt(r, options, torch.Cat(pixels, 0)) // [n,HW]
	row := func(i int) torch.Tensor { return rows.Narrow(0, int64(i), 1) }
	if low.at.Defined() {
		last := len(pixels) - 1
		least := low.of(row(last - 1))
		rows = rows.Sub(least).Div(high.of(row(last)).Sub(least))
	}
	ins, cls := instance.product(row(0).Matmul(member)), torch.Tensor{}
	switch {
	case !class.pixel.Defined():
	case g.opt.NoPropagation:
		cls = class.product(g.classMaps(torch.Tensor{}, cross.IndexSelect(0, class.pixel)))
	default:
		cls = class.product(g.classMaps(row(1), cross))
	}
	each := make([]torch.Tensor, len(holds))
	for i, h := range holds {
		each[i] = h.Reshape(1)
	}
	parts := []torch.Tensor{torch.Cat(each, 0).All().Reshape(1), within, labels, masks.Reshape(-1)}
	for i, p := range parts {
		parts[i] = p.To(torch.Float64)
	}
	return []torch.Tensor{ins, cls, torch.Cat(parts, 0)}
}

// take reads what suppose left: whether all of it holds, the foreground, the labels and the masks, [HW,n].
func (g *guide) take(values []float64, at cluster.Grid, n int) (m guidance.Measurement, holds bool) {
	if values[0] == 0 {
		return m, false
	}
	hw := at.Height * at.Width
	within, each, masks := values[1:1+hw], values[1+hw:1+2*hw], values[1+2*hw:]
	var pixels, labels []int
	for p, in := range within {
		if in != 0 {
			pixels, labels = append(pixels, p), append(labels, int(each[p]))
		}
	}
	g.clusters.Keep(labels, pixels, at)
	m = guidance.Measurement{Height: at.Height, Width: at.Width, Foreground: len(pixels), Labels: cluster.Scatter(labels, pixels, at)}
	for i := range n {
		mask := make([]float32, hw)
		for p := range mask {
			mask[p] = float32(masks[p*n+i])
		}
		m.Masks = append(m.Masks, mask)
	}
	return m, true
}
