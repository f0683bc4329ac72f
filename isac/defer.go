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
func (g *guide) Defer(r attention.Reading, step guidance.Step, maps *guidance.Maps) (terms []guidance.Term, rest guidance.Deferred, ok bool, err error) {
	if r, err = g.read(r); err != nil {
		return nil, rest, false, err
	}
	at := cluster.Grid{Height: r.Top.Height, Width: r.Top.Width}
	if !g.opt.sparse() || r.Online() || r.Top.Pixels() > deferredPixels || !g.clusters.Defers(at) {
		return nil, rest, false, nil
	}
	n := g.target.Instances()
	kept := torch.WithScope(func() []torch.Tensor { return g.suppose(r, at, n, maps) })
	rest.Values = kept[2]
	rest.Take = func(values []float64) (m guidance.Measurement, holds bool) {
		if holds = values[0] != 0; holds {
			m, values = g.take(values[1:], at, n)
			g.show(maps, values, kept[3], at)
		}
		return m, holds
	}
	return g.terms(kept[0], kept[1], step), rest, true, nil
}

// suppose is find: L_ins, L_cls, what take and show read, and SA where maps asks for it. Maps have no gradient; see rowLosses.
func (g *guide) suppose(r attention.Reading, at cluster.Grid, n int, maps *guidance.Maps) []torch.Tensor {
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
	var prop, binary, within, labels, masks, member torch.Tensor
	torch.NoGrad(func() {
		prop = g.classMaps(self, cross.Detach())
		binary = binarise(prop)
		within = binary.Amax([]int64{1}, false).To(self.DType())
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
	parts := []torch.Tensor{torch.Cat(each, 0).All(), within, labels, masks}
	if maps != nil {
		parts = append(parts, mergeTokens(cross.Detach(), g.target.Classes, g.opt.TokenMerge), prop, binary, instance.found)
		if class.found.Defined() {
			parts = append(parts, class.found)
		}
	}
	for i, p := range parts {
		parts[i] = p.To(torch.Float64).Reshape(-1)
	}
	if maps == nil || !maps.WantSelf {
		self = torch.Tensor{}
	}
	return []torch.Tensor{ins, cls, torch.Cat(parts, 0), self}
}

// take reads the foreground, the labels and the masks, [HW,n], and gives what is behind them.
func (g *guide) take(values []float64, at cluster.Grid, n int) (m guidance.Measurement, rest []float64) {
	hw := at.Height * at.Width
	within, each, masks := values[:hw], values[hw:2*hw], values[2*hw:(2+n)*hw]
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
	return m, values[(2+n)*hw:]
}

// show fills in maps, unless that is nil, from what take left: CA of the classes, CA^prop, CA^bin, [HW,k] each, and where overlaps peak.
func (g *guide) show(maps *guidance.Maps, values []float64, self torch.Tensor, at cluster.Grid) {
	if maps == nil {
		return
	}
	k := len(g.target.Classes)
	next := func(n int) []float64 {
		v := values[:n]
		values = values[n:]
		return v
	}
	matrix := func() torch.Tensor {
		return torch.FromFloat64s(next(at.Height*at.Width*k), int64(at.Height*at.Width), int64(k)).To(torch.Float32)
	}
	torch.WithScope(func() []torch.Tensor {
		maps.Height, maps.Width = at.Height, at.Width
		maps.Cross, maps.Prop = columns(matrix()), columns(matrix())
		maps.ClassForeground, maps.Foreground = marks(matrix())
		if self.Defined() {
			maps.Self = self.Float32s()
		}
		return nil
	})
	if maps.InstancePeak = peakOf(next(2), g.target.Instances()); k > 1 {
		maps.ClassPeak = peakOf(next(2), k)
	}
}
