package isac

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/torch"
)

// dense forms every map in full, [HW,HW] and [HW,L], and lets autograd keep what it needs of them. It is the plain reading of
// the equations and the reference for other engines.
type dense struct {
	target   Target
	opt      Options
	clusters *clusterer
}

func (d *dense) measure(r reading, maps *Maps) (measurement, error) {
	var m measurement
	if maps != nil {
		maps.Height, maps.Width = int(r.top.height), int(r.top.width)
	}
	sa, err := normaliseSelf(accumulate(r.self, r.top, d.opt.UpsampleNorm), d.opt.SelfNorm)
	if err != nil {
		return measurement{skipped: fmt.Sprintf("the self-attention map cannot be normalised: %v", err)}, nil
	}
	if maps != nil {
		maps.Self = sa.Detach().Float32s()
	}
	ca, err := normaliseCross(accumulate(r.cross, r.top, false), d.opt.CrossNorm, d.positions())
	if err != nil {
		return measurement{skipped: fmt.Sprintf("the cross-attention map cannot be normalised: %v", err)}, nil
	}
	prop := mergeTokens(sa.Matmul(ca), d.target.Classes, d.opt.TokenMerge) // (7), [HW,k]
	binary := binarise(prop)
	if maps != nil {
		maps.Cross = columns(mergeTokens(ca.Detach(), d.target.Classes, d.opt.TokenMerge))
		maps.Prop = columns(prop)
		maps.ClassForeground, maps.Foreground = marks(binary)
	}
	if !prop.AllFinite() {
		return measurement{skipped: "the attention maps hold values that are not finite (NaN or Inf)"}, nil
	}

	n := d.target.Instances()
	m.pixels = foreground(binary)
	if len(m.pixels) < n {
		m.skipped = fmt.Sprintf("the foreground has %d pixels, fewer than the %d instances", len(m.pixels), n)
		return m, nil
	}
	fg := crop(sa, m.pixels)
	torch.NoGrad(func() { m.labels = d.clusters.cluster(fg.Detach(), m.pixels, r.top, n) })
	masks := fg.Matmul(oneHot(m.labels, n, fg.DType(), fg.Device())) // M [F,N]
	m.masks = masks.Detach()

	if n > 1 {
		m.instance = overlap(masks, d.opt.Overlap)
	}
	if len(d.target.Classes) > 1 {
		m.class = overlap(prop, d.opt.Overlap)
	}
	if maps != nil {
		maps.InstancePeak, maps.ClassPeak = peakOf(masks), peakOf(prop)
		if maps.InstancePeak != nil {
			maps.InstancePeak.Pixel = m.pixels[maps.InstancePeak.Pixel] // from a row of the masks to the grid
		}
	}
	return m, nil
}

func (d *dense) resume(labels []int, at grid) { d.clusters.last, d.clusters.at = labels, at }

// positions are the token positions of all classes, class by class.
func (d *dense) positions() []int64 {
	var at []int64
	for _, c := range d.target.Classes {
		for _, p := range c.Tokens {
			at = append(at, int64(p))
		}
	}
	return at
}

// oneHot is K ∈ {0,1}^{F×N}.
func oneHot(labels []int, n int, dt torch.DType, dev torch.Device) torch.Tensor {
	data := make([]float32, len(labels)*n)
	for i, l := range labels {
		data[i*n+l] = 1
	}
	return torch.FromFloat32s(data, int64(len(labels)), int64(n)).To(dt).ToDevice(dev)
}
