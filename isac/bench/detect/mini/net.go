package mini

import (
	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// network maps a picture [1,3,S,S] in -1..1 to its raw answer.
type network interface {
	forward(x torch.Tensor) torch.Tensor
}

// conv loads a convolution whose widths the file tells, apart from those that others determine: in or out may be -1.
func conv(p *weights.Params, name string, in, out, kernel, stride int64) layer.Conv {
	return layer.NewConv(p.Sub(name), in, out, kernel, stride, kernel/2)
}

// width is how many channels layer `name` gives, -1 where it is missing (which Tensor will report).
func width(p *weights.Params, name string) int64 {
	if shape := p.Sub(name).Shape("weight"); len(shape) == 4 {
		return shape[0]
	}
	return -1
}

// active is a convolution and a ReLU.
func active(c layer.Conv, x torch.Tensor) torch.Tensor { return c.Forward(x).Relu() }

// doubled enlarges x [B,C,H,W] to [B,C,2H,2W].
func doubled(x torch.Tensor) torch.Tensor {
	shape := x.Shape()
	return torch.UpsampleNearest2d(x, 2*shape[2], 2*shape[3])
}

// halved takes the largest of each 2 × 2 pixels.
func halved(x torch.Tensor) torch.Tensor {
	return torch.MaxPool2d(x, []int64{2, 2}, []int64{2, 2})
}

// heatmapNet goes down by strides and up by sums; letters are grids: a half, b a quarter, c an eighth of the picture's side.
type heatmapNet struct {
	a1, a2, a3, b1, b2, b3, b4, c1, c2, c3, u1, u2, head layer.Conv
}

func newHeatmapNet(p *weights.Params, classes int64) network {
	a1, a, b, c, a3 := width(p, "a1"), width(p, "a2"), width(p, "b1"), width(p, "c1"), width(p, "a3")
	return heatmapNet{
		a1: conv(p, "a1", 3, -1, 3, 2), a2: conv(p, "a2", a1, -1, 3, 1),
		b1: conv(p, "b1", a, -1, 3, 2), b2: conv(p, "b2", b, -1, 3, 1), b3: conv(p, "b3", width(p, "b2"), b, 3, 1),
		c1: conv(p, "c1", b, -1, 3, 2), c2: conv(p, "c2", c, -1, 3, 1), c3: conv(p, "c3", width(p, "c2"), c, 3, 1),
		u1: conv(p, "u1", c, b, 1, 1), b4: conv(p, "b4", b, -1, 3, 1),
		u2: conv(p, "u2", width(p, "b4"), a, 1, 1), a3: conv(p, "a3", a, -1, 3, 1),
		head: conv(p, "head", a3, classes+4, 1, 1),
	}
}

// forward gives [1,C+4,S/2,S/2]: logits of centres, and the logarithms of the distances to the box's left, upper, right and lower side.
func (n heatmapNet) forward(x torch.Tensor) torch.Tensor {
	a := active(n.a2, active(n.a1, x))
	b := active(n.b1, a)
	b = b.Add(active(n.b3, active(n.b2, b)))
	c := active(n.c1, b)
	c = c.Add(active(n.c3, active(n.c2, c)))
	b = active(n.b4, b.Add(doubled(active(n.u1, c))))
	return n.head.Forward(active(n.a3, a.Add(doubled(active(n.u2, b)))))
}

// segmentsNet is a U-Net: down by pooling, up by concatenation.
type segmentsNet struct {
	d1, d2, d3, d4, d5, d6, d7, u1, e1, u2, e2, head layer.Conv
}

func newSegmentsNet(p *weights.Params, classes int64) network {
	plus := func(first, second string) int64 {
		if a, b := width(p, first), width(p, second); a >= 0 && b >= 0 {
			return a + b
		}
		return -1
	}
	after := func(name, before string) layer.Conv { return conv(p, name, width(p, before), -1, 3, 1) }
	return segmentsNet{
		d1: conv(p, "d1", 3, -1, 3, 1),
		d2: after("d2", "d1"), d3: after("d3", "d2"), d4: after("d4", "d3"),
		d5: after("d5", "d4"), d6: after("d6", "d5"), d7: after("d7", "d6"),
		u1: conv(p, "u1", width(p, "d7"), -1, 1, 1), e1: conv(p, "e1", plus("u1", "d5"), -1, 3, 1),
		u2: conv(p, "u2", width(p, "e1"), -1, 1, 1), e2: conv(p, "e2", plus("u2", "d3"), -1, 3, 1),
		head: conv(p, "head", width(p, "e2"), 4*(classes+2), 1, 1),
	}
}

// forward gives [1,C+2,S,S]: logits of ground and classes, and of being core.
func (n segmentsNet) forward(x torch.Tensor) torch.Tensor {
	wide := active(n.d3, active(n.d2, halved(active(n.d1, x))))
	mid := active(n.d5, active(n.d4, halved(wide)))
	deep := active(n.d7, active(n.d6, halved(mid)))
	mid = active(n.e1, torch.Cat([]torch.Tensor{doubled(active(n.u1, deep)), mid}, 1))
	wide = active(n.e2, torch.Cat([]torch.Tensor{doubled(active(n.u2, mid)), wide}, 1))
	return shuffled(n.head.Forward(wide))
}

// shuffled is pixel shuffle by 2: x [B,4C,H,W] to [B,C,2H,2W], four channels of a cell becoming its four pixels.
func shuffled(x torch.Tensor) torch.Tensor {
	s := x.Shape()
	return x.Reshape(s[0], s[1]/4, 2, 2, s[2], s[3]).Permute(0, 1, 4, 2, 5, 3).Reshape(s[0], s[1]/4, 2*s[2], 2*s[3])
}
