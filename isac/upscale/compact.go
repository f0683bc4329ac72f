package upscale

import (
	"fmt"
	"math"

	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// srvgg is Real-ESRGAN's compact network: convolutions at the picture's own size, whose last channels are the pixels between, added to the
// picture made larger by the nearest neighbour.
type srvgg struct {
	convs  []layer.Conv
	slopes []torch.Tensor // of PReLU after each convolution but the last, [C,1,1]
	in     int64
	width  int64
	factor int64
}

func newCompact(p *weights.Params) *srvgg {
	n := &srvgg{}
	shape := func(i int) []int64 { return p.Shape(fmt.Sprintf("body.%d.weight", i)) }
	last := 0
	for i := range 2 * mostDeep {
		if shape(i) != nil {
			last = i
		}
	}
	in := int64(1)
	if s := shape(0); len(s) == 4 {
		in = s[1]
	}
	n.in = in
	for i := 0; i <= last; i += 2 {
		at := p.Sub(fmt.Sprintf("body.%d", i))
		out := int64(1)
		if s := shape(i); len(s) == 4 {
			out = s[0]
		}
		n.convs = append(n.convs, layer.NewConv(at, in, out, 3, 1, 1))
		if i < last {
			if slope := p.Sub(fmt.Sprintf("body.%d", i+1)).Tensor("weight", out); slope.Defined() {
				n.slopes = append(n.slopes, slope)
			}
		}
		in = out
		n.width = max(n.width, out)
	}
	n.factor = int64(math.Round(math.Sqrt(float64(in) / float64(n.in))))
	if n.factor*n.factor*n.in != in || last%2 != 0 {
		p.Fail(fmt.Errorf("body.%d has %d channels for a picture of %d: expected a square number of times as many: %w", last, in, n.in, weights.ErrUnsupported))
	}
	return n
}

func (n *srvgg) scale() int64    { return n.factor }
func (n *srvgg) channels() int64 { return n.in }
func (n *srvgg) multiple() int64 { return 1 }
func (n *srvgg) widest() float64 { return float64(4*n.width + 4*n.in*n.factor*n.factor) }

func (n *srvgg) forward(x torch.Tensor) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		h := x
		for i, conv := range n.convs {
			h = torch.Scoped(func() torch.Tensor {
				y := conv.Forward(h)
				if i == len(n.convs)-1 {
					return y
				}
				return y.Relu().Sub(y.Neg().Relu().Mul(n.slopes[i].Unsqueeze(-1).Unsqueeze(-1)))
			})
		}
		s, f := x.Shape(), n.factor
		h = h.Reshape(s[0], n.in, f, f, s[2], s[3]).Permute(0, 1, 4, 2, 5, 3).Reshape(s[0], n.in, s[2]*f, s[3]*f)
		return h.Add(torch.UpsampleNearest2d(x, s[2]*f, s[3]*f))
	})
}
