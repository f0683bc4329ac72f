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

// supposition is what a measurement without reading is made of, and what has to hold for it: bool tensors of one element.
type supposition struct {
	seen                         // of the whole grid: without fg and pixels
	binary, within  torch.Tensor // CA^bin (9), and I as ones and zeros [HW], in SA's type
	labels          torch.Tensor // int64 [HW]
	low, high       pin          // what SA was min-maxed by, if it was
	instance, class pair
	holds           []torch.Tensor
}

func (s *supposition) has(it torch.Tensor) { s.holds = append(s.holds, it.Reshape(1)) }

// suppose is find: L_ins, L_cls, what take and show read, and SA where maps asks for it.
func (g *guide) suppose(r attention.Reading, at cluster.Grid, n int, maps *guidance.Maps) []torch.Tensor {
	s := &supposition{seen: seen{r: r, options: g.opt.attention()}}
	g.look(s)
	torch.NoGrad(func() { g.group(s, at, n) })
	defer torch.Section("losses")()
	ins, cls := g.pinnedLosses(s)
	parts := []torch.Tensor{torch.Cat(s.holds, 0).All(), s.within, s.labels, s.masks}
	self := torch.Tensor{}
	if maps != nil {
		parts = append(parts, mergeTokens(s.cross.Detach(), g.target.Classes, g.opt.TokenMerge), s.prop, s.binary, s.instance.found)
		if s.class.found.Defined() {
			parts = append(parts, s.class.found)
		}
		if maps.WantSelf {
			self = s.self
		}
	}
	for i, p := range parts {
		parts[i] = p.To(torch.Float64).Reshape(-1)
	}
	return []torch.Tensor{ins, cls, torch.Cat(parts, 0), self}
}

// look makes the maps, and finds the foreground.
func (g *guide) look(s *supposition) {
	end := torch.Section("maps")
	self, ca := attention.Accumulate(s.r, s.options)
	end()
	defer torch.Section("foreground")()
	if g.opt.SelfNorm == SelfMinMax {
		s.low, s.high = pinsOf(self)
		s.has(rescale(self, s.low.value, s.high.value).LogicalNot())
		s.has(s.low.single)
		s.has(s.high.single)
	}
	s.self = self
	var flat torch.Tensor
	if s.cross, flat = normaliseCross(ca, g.opt.CrossNorm, g.target.Positions()); flat.Defined() {
		s.has(flat.LogicalNot())
	}
	torch.NoGrad(func() {
		s.prop = g.classMaps(self, s.cross.Detach())
		s.binary = binarise(s.prop)
		s.within = s.binary.Amax([]int64{1}, false).To(self.DType())
	})
	s.has(s.prop.IsFinite().All())
}

// group finds the instances, and where they and classes overlap most.
func (g *guide) group(s *supposition, at cluster.Grid, n int) {
	end := torch.Section("clusters")
	var grouped torch.Tensor
	s.labels, s.member, grouped = g.clusters.Defer(s.self, s.within, at, n)
	s.has(grouped)
	end()
	defer torch.Section("masks")()
	s.masks = s.self.Matmul(s.member).Mul(s.within.Unsqueeze(1))
	s.instance = pairOf(s.masks)
	s.has(s.instance.positive)
	if s.prop.Size(1) > 1 {
		s.class = pairOf(s.prop)
		s.has(s.class.positive)
	}
}

// pinnedLosses are rowLosses of pixels that the device alone knows.
func (g *guide) pinnedLosses(s *supposition) (ins, cls torch.Tensor) {
	pixels := []torch.Tensor{s.instance.pixel}
	if s.class.pixel.Defined() {
		pixels = append(pixels, s.class.pixel)
	}
	minmaxed := s.low.at.Defined()
	if minmaxed {
		pixels = append(pixels, s.low.at, s.high.at)
	}
	rows := attention.RowsAt(s.r, s.options, torch.Cat(pixels, 0)) // [n,HW]
	row := func(i int) torch.Tensor { return rows.Narrow(0, int64(i), 1) }
	if minmaxed {
		last := len(pixels) - 1
		low := s.low.of(row(last - 1))
		rows = rows.Sub(low).Div(s.high.of(row(last)).Sub(low))
	}
	ins = s.instance.product(row(0).Matmul(s.member))
	switch {
	case !s.class.pixel.Defined():
	case g.opt.NoPropagation: // no row of SA has a part in it
		cls = s.class.product(g.classMaps(torch.Tensor{}, s.cross.IndexSelect(0, s.class.pixel)))
	default:
		cls = s.class.product(g.classMaps(row(1), s.cross))
	}
	return ins, cls
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
	m.Masks = split(masks, n)
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
	matrix := func() [][]float32 { return split(next(at.Height*at.Width*k), k) }
	maps.Height, maps.Width = at.Height, at.Width
	maps.Cross, maps.Prop = matrix(), matrix()
	maps.ClassForeground, maps.Foreground = marks(matrix())
	if self.Defined() {
		maps.Self = self.Float32s()
	}
	if maps.InstancePeak = peakOf(next(2), g.target.Instances()); k > 1 {
		maps.ClassPeak = peakOf(next(2), k)
	}
}
