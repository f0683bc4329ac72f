package isac

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/cluster"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// measurement is what was found in one evaluation's attention.
type measurement struct {
	// skipped tells why there is no loss at this step, "" if there is.
	skipped string
	// instance and class are L_ins (8) and L_cls (12), scalars with gradient; undefined where they are 0 by definition: one
	// instance, one class.
	instance, class torch.Tensor
	// pixels are the foreground's, in row-major order on the reading's grid.
	pixels []int
	// labels holds the instance, 0..N-1, of each foreground pixel.
	labels []int
	// masks holds the columns of M [F,N].
	masks [][]float32
	err   error // attention.ErrManyRows
}

// seen is what the losses are made of.
type seen struct {
	r       attention.Reading
	options attention.Options
	// self is SA [HW,HW], normalised; span is what it was normalised by.
	self torch.Tensor
	span span
	// cross holds CA's columns of the target's tokens [HW,m], normalised, with gradient.
	cross torch.Tensor
	// prop is CA^prop [HW,k], or without propagation CA's own columns; fg is SA[I,I] of pixels, member is K [F,N], masks is M [F,N].
	prop, fg, member, masks torch.Tensor
	pixels                  []int
}

// measure gives the losses and what a report has of them. What lies between is freed: no map outlives it that no gradient needs.
func (g *guide) measure(r attention.Reading, maps *guidance.Maps) (m measurement) {
	kept := torch.WithScope(func() []torch.Tensor {
		m = g.find(r, maps)
		return []torch.Tensor{m.instance, m.class}
	})
	m.instance, m.class = kept[0], kept[1]
	return m
}

// find is (1)-(12) but for what carries the gradient: with the engine dense every map has it, with sparse CA alone has, and what the
// losses need of SA is made again (see rowLosses). It works on checked taps, in the caller's scope. It fills in maps as far as it comes,
// but for what a report has, unless maps is nil. What it decides by is read from the device in three pieces: the foreground, the
// labels, the masks with their peaks.
func (g *guide) find(r attention.Reading, maps *guidance.Maps) (m measurement) {
	sparse := g.opt.sparse()
	s := seen{r: r, options: g.opt.attention()}
	end := torch.Section("maps")
	sa, ca := attention.Accumulate(r, s.options)
	end()
	end = torch.Section("foreground")
	s.self, s.span = normaliseSelf(sa, g.opt.SelfNorm)
	var flat torch.Tensor
	s.cross, flat = normaliseCross(ca, g.opt.CrossNorm, g.target.Positions())
	decide(sparse, func() { s.prop = g.classMaps(s.self, detached(s.cross, sparse)) })
	binary := binarise(s.prop)

	first := firstLook(s.span.flat, flat, s.prop, binary)
	end()
	if maps != nil {
		maps.Height, maps.Width = r.Top.Height, r.Top.Width
	}
	if first.selfFlat {
		return measurement{skipped: fmt.Sprintf("the self-attention map cannot be normalised: %v", errFlat)}
	}
	if maps != nil && maps.WantSelf {
		maps.Self = s.self.Detach().Float32s()
	}
	if first.crossFlat {
		return measurement{skipped: fmt.Sprintf("the cross-attention map cannot be normalised: %v", errFlat)}
	}
	if maps != nil {
		maps.Cross = columns(mergeTokens(s.cross.Detach(), g.target.Classes, g.opt.TokenMerge))
		maps.Prop = columns(s.prop)
		maps.ClassForeground, maps.Foreground = marks(columns(binary))
	}
	if !first.finite {
		return measurement{skipped: "the attention maps hold values that are not finite (NaN or Inf)"}
	}

	n := g.target.Instances()
	m.pixels, s.pixels = first.pixels, first.pixels
	if len(m.pixels) < n {
		m.skipped = fmt.Sprintf("the foreground has %d pixels, fewer than the %d instances", len(m.pixels), n)
		return m
	}
	end = torch.Section("clusters")
	decide(sparse, func() { s.fg = crop(s.self, m.pixels) })
	torch.NoGrad(func() {
		m.labels = g.clusters.Cluster(s.fg.Detach(), m.pixels, cluster.Grid{Height: r.Top.Height, Width: r.Top.Width}, n)
	})
	end()
	end = torch.Section("masks")
	s.member = oneHot(m.labels, n, s.fg.DType(), s.fg.Device())
	decide(sparse, func() { s.masks = s.fg.Matmul(s.member) })

	values, instance, class := lastLook(s.masks, s.prop)
	m.masks = values
	end()
	defer torch.Section("losses")()
	switch {
	case sparse:
		m.instance, m.class, m.err = g.rowLosses(s, instance, class)
	default:
		m.instance, m.class = g.mapLosses(s, instance, class)
	}
	if maps != nil {
		maps.InstancePeak, maps.ClassPeak = instance, class
		if instance != nil {
			instance.Pixel = m.pixels[instance.Pixel] // from a row of the masks to the grid
		}
	}
	return m
}

// classMaps gives the classes' columns [n,k] of rows of SA [n,HW]: CA^prop (7), cross being CA's columns [HW,m]; without propagation
// cross itself, whose rows are then [n,m].
func (g *guide) classMaps(rows, cross torch.Tensor) torch.Tensor {
	if !g.opt.NoPropagation {
		cross = rows.Matmul(cross)
	}
	return mergeTokens(cross, g.target.Classes, g.opt.TokenMerge)
}

// decide runs fn without gradient where that is wanted.
func decide(without bool, fn func()) {
	if without {
		torch.NoGrad(fn)
		return
	}
	fn()
}

func detached(t torch.Tensor, is bool) torch.Tensor {
	if is {
		return t.Detach()
	}
	return t
}

// oneHot is K ∈ {0,1}^{F×N}.
func oneHot(labels []int, n int, dt torch.DType, dev torch.Device) torch.Tensor {
	data := make([]float32, len(labels)*n)
	for i, l := range labels {
		data[i*n+l] = 1
	}
	return torch.FromFloat32s(data, int64(len(labels)), int64(n)).To(dt).ToDevice(dev)
}
