package upscale

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

const (
	slope    = 0.2 // of LeakyReLU below 0
	residual = 0.2 // what a block's result is multiplied with before it is added to what came in
	mostDeep = 200 // blocks that a network may have
)

// rrdb is RRDBNet: residual blocks of densely connected ones, then as many doublings by the nearest neighbour as there are weights for.
type rrdb struct {
	first, body, hr, last layer.Conv
	blocks                [][3]denseBlock
	up                    []layer.Conv
	shuffle               int64 // how many pixels of a side become channels first; 1 for none
	in, out, width        int64
}

// denseBlock is five convolutions, each of which sees what came in and what those before it made. ESRGAN+ adds a sixth, of one pixel.
type denseBlock struct {
	convs [5]layer.Conv
	thin  torch.Tensor // undefined but in ESRGAN+
}

// newDense builds the network from p, whose sizes its tensors tell.
func newDense(p *weights.Params) *rrdb {
	size := func(name string, dim int) int64 {
		if shape := p.Shape(name); len(shape) == 4 {
			return shape[dim]
		}
		p.Tensor(name, -1, -1, 3, 3) // records what is wrong with it
		return 1
	}
	width, growth := size("conv_first.weight", 0), size("body.0.rdb1.conv1.weight", 0)
	n := &rrdb{width: width, in: size("conv_first.weight", 1), out: size("conv_last.weight", 0), shuffle: 1}
	conv := func(name string, in, out int64) layer.Conv { return layer.NewConv(p.Sub(name), in, out, 3, 1, 1) }
	n.first, n.body = conv("conv_first", n.in, width), conv("conv_body", width, width)
	n.hr, n.last = conv("conv_hr", width, width), conv("conv_last", width, n.out)
	for i := 0; i < mostDeep && p.HasAny(fmt.Sprintf("body.%d", i)); i++ {
		var block [3]denseBlock
		for j := range block {
			at := p.Sub(fmt.Sprintf("body.%d.rdb%d", i, j+1))
			for k := range block[j].convs {
				out := growth
				if k == len(block[j].convs)-1 {
					out = width
				}
				block[j].convs[k] = layer.NewConv(at.Sub(fmt.Sprintf("conv%d", k+1)), width+int64(k)*growth, out, 3, 1, 1)
			}
			if at.Has("conv1x1.weight") {
				block[j].thin = at.Tensor("conv1x1.weight", growth, width, 1, 1)
			}
		}
		n.blocks = append(n.blocks, block)
	}
	for i := 1; p.HasAny(fmt.Sprintf("conv_up%d", i)) && i <= 4; i++ {
		n.up = append(n.up, conv(fmt.Sprintf("conv_up%d", i), width, width))
	}
	for _, factor := range []int64{2, 4} { // Real-ESRGAN of less than 4 times
		if n.in == n.out*factor*factor {
			n.shuffle = factor
		}
	}
	return n
}

func (n *rrdb) scale() int64    { return (int64(1) << len(n.up)) / n.shuffle }
func (n *rrdb) channels() int64 { return n.in / (n.shuffle * n.shuffle) }

// widest is that of a dense block, with its convolutions' own memory, or of the doubled picture.
func (n *rrdb) widest() float64 {
	up, s := float64(int64(1)<<len(n.up)), float64(n.shuffle)
	return float64(n.width) * max(8, 3*up*up) / (s * s)
}

func (n *rrdb) multiple() int64 {
	if n.shuffle > 1 {
		return 4
	}
	return 1
}

// forward maps x [1,in,H,W] to [1,out,scale·H,scale·W].
func (n *rrdb) forward(x torch.Tensor) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		x = n.first.Forward(unshuffled(x, n.shuffle))
		h := x
		for _, block := range n.blocks {
			h = torch.Scoped(func() torch.Tensor {
				y := h
				for _, b := range block {
					y = b.forward(y)
				}
				return y.MulScalar(residual).Add(h)
			})
		}
		x = x.Add(n.body.Forward(h))
		for _, conv := range n.up {
			x = torch.Scoped(func() torch.Tensor {
				return conv.Forward(torch.UpsampleNearest2d(x, 2*x.Size(2), 2*x.Size(3))).LeakyRelu(slope)
			})
		}
		return n.last.Forward(n.hr.Forward(x).LeakyRelu(slope))
	})
}

func (b denseBlock) forward(x torch.Tensor) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		all := []torch.Tensor{x}
		for i, conv := range b.convs {
			y := conv.Forward(torch.Cat(all, 1))
			if i == len(b.convs)-1 {
				return y.MulScalar(residual).Add(x)
			}
			y = y.LeakyRelu(slope)
			if b.thin.Defined() && i == 1 {
				y = y.Add(torch.Conv2d(x, b.thin, torch.Tensor{}, []int64{1, 1}, []int64{0, 0}, []int64{1, 1}, 1))
			}
			if b.thin.Defined() && i == 3 {
				y = y.Add(all[2])
			}
			all = append(all, y)
		}
		return x
	})
}

// unshuffled makes channels of factor×factor neighbours: [B,C,H,W] to [B,C·f²,H/f,W/f].
func unshuffled(x torch.Tensor, factor int64) torch.Tensor {
	if factor == 1 {
		return x
	}
	s := x.Shape()
	h, w := s[2]/factor, s[3]/factor
	return x.Reshape(s[0], s[1], h, factor, w, factor).Permute(0, 1, 3, 5, 2, 4).Reshape(s[0], s[1]*factor*factor, h, w)
}
