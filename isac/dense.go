package isac

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/cluster"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// measurement is what an engine found.
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
	// masks is M [F,N], without gradient.
	masks torch.Tensor
}

// dense forms every map in full, [HW,HW] and [HW,L], and lets autograd keep what it needs of them. It is the plain reading of
// the equations and the reference for other engines. It works on checked taps, in the caller's scope; its terms have gradients
// where those are enabled. It fills in maps as far as it comes, but for what a report has, unless maps is nil.
func (g *guide) dense(r attention.Reading, maps *guidance.Maps) (m measurement) {
	if maps != nil {
		maps.Height, maps.Width = r.Top.Height, r.Top.Width
	}
	sa, ca := attention.Accumulate(r, attention.Options{DivideUpsampled: g.opt.UpsampleNorm, Renormalise: g.opt.RenormaliseJoint})
	sa, err := normaliseSelf(sa, g.opt.SelfNorm)
	if err != nil {
		return measurement{skipped: fmt.Sprintf("the self-attention map cannot be normalised: %v", err)}
	}
	if maps != nil {
		maps.Self = sa.Detach().Float32s()
	}
	ca, err = normaliseCross(ca, g.opt.CrossNorm, g.target.Positions())
	if err != nil {
		return measurement{skipped: fmt.Sprintf("the cross-attention map cannot be normalised: %v", err)}
	}
	prop := mergeTokens(sa.Matmul(ca), g.target.Classes, g.opt.TokenMerge) // (7), [HW,k]
	binary := binarise(prop)
	if maps != nil {
		maps.Cross = columns(mergeTokens(ca.Detach(), g.target.Classes, g.opt.TokenMerge))
		maps.Prop = columns(prop)
		maps.ClassForeground, maps.Foreground = marks(binary)
	}
	if !prop.AllFinite() {
		return measurement{skipped: "the attention maps hold values that are not finite (NaN or Inf)"}
	}

	n := g.target.Instances()
	m.pixels = foreground(binary)
	if len(m.pixels) < n {
		m.skipped = fmt.Sprintf("the foreground has %d pixels, fewer than the %d instances", len(m.pixels), n)
		return m
	}
	fg := crop(sa, m.pixels)
	torch.NoGrad(func() {
		m.labels = g.clusters.Cluster(fg.Detach(), m.pixels, cluster.Grid{Height: r.Top.Height, Width: r.Top.Width}, n)
	})
	masks := fg.Matmul(oneHot(m.labels, n, fg.DType(), fg.Device())) // M [F,N]
	m.masks = masks.Detach()

	if n > 1 {
		m.instance = overlap(masks, g.opt.Overlap)
	}
	if len(g.target.Classes) > 1 {
		m.class = overlap(prop, g.opt.Overlap)
	}
	if maps != nil {
		maps.InstancePeak, maps.ClassPeak = peakOf(masks), peakOf(prop)
		if maps.InstancePeak != nil {
			maps.InstancePeak.Pixel = m.pixels[maps.InstancePeak.Pixel] // from a row of the masks to the grid
		}
	}
	return m
}

// oneHot is K ∈ {0,1}^{F×N}.
func oneHot(labels []int, n int, dt torch.DType, dev torch.Device) torch.Tensor {
	data := make([]float32, len(labels)*n)
	for i, l := range labels {
		data[i*n+l] = 1
	}
	return torch.FromFloat32s(data, int64(len(labels)), int64(n)).To(dt).ToDevice(dev)
}
