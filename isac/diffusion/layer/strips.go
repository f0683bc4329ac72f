package layer

import "github.com/isac-guidance/isac/isac/torch"

// A convolution of 3×3 needs of a strip of rows one more above and one below, and a group norm needs of the whole image two numbers a
// group. So a residual block without a timestep can be run strip by strip with the result of the whole, but for the order in which numbers
// are added up, and takes the memory of what comes in, of what goes out, and of a strip. It has no gradient.

// Strips says how images are cut into strips.
type Strips struct {
	// Least is the size in bytes of an image below which it is not cut; Bytes is that of a strip.
	Least, Bytes int64
}

// Cut says whether x [B,C,H,W] is to be run in strips, by whoever keeps no gradient.
func (s Strips) Cut(x torch.Tensor) bool {
	return s.Bytes > 0 && x.Numel()*int64(x.DType().Bytes()) >= s.Least && !torch.GradEnabled()
}

// each calls fn with the rows of each strip of x, from first to end.
func (s Strips) each(x torch.Tensor, fn func(first, end int64)) {
	height := x.Size(2)
	row := x.Numel() * int64(x.DType().Bytes()) / height
	rows := max(s.Bytes/row, 8) // with fewer the two more are a large part
	for first := int64(0); first < height; first += rows {
		torch.WithScope(func() []torch.Tensor {
			fn(first, min(first+rows, height))
			return nil
		})
	}
}

// convolve gives conv of what before makes of x's rows, [B,out,H·scale,W·scale]: before makes scale rows of each.
func (s Strips) convolve(x torch.Tensor, conv Conv, scale int64, before func(rows torch.Tensor) torch.Tensor) torch.Tensor {
	shape := x.Shape()
	out := torch.Zeros([]int64{shape[0], conv.weight.Size(0), shape[2] * scale, shape[3] * scale}, x.DType(), x.Device())
	s.each(x, func(first, end int64) {
		above, below := max(first-1, 0), min(end+1, shape[2])
		h := torch.Scoped(func() torch.Tensor { return before(x.Narrow(2, above, below-above)) })
		y := conv.Forward(h).Narrow(2, (first-above)*scale, (end-first)*scale)
		out.Narrow(2, first*scale, (end-first)*scale).CopyFrom(y)
	})
	return out
}

// Activated is conv of silu of norm of x, for a conv of 3×3 that leaves the size as it is.
func (s Strips) Activated(norm GroupNorm, conv Conv, x torch.Tensor) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		scale, shift := s.affine(norm, x)
		return s.convolve(x, conv, 1, func(rows torch.Tensor) torch.Tensor {
			return rows.To(torch.Float32).Mul(scale).AddInPlace(shift).Silu().To(x.DType())
		})
	})
}

// Resnet is r.Forward of x, of a block without a timestep.
func (s Strips) Resnet(r Resnet, x torch.Tensor) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		first := s.Activated(r.norm1, r.conv1, x)
		h := s.Activated(r.norm2, r.conv2, first)
		first.Close()
		s.each(x, func(from, end int64) {
			way := x.Narrow(2, from, end-from)
			if r.wider {
				way = r.shortcut.Forward(way.Contiguous())
			}
			h.Narrow(2, from, end-from).AddInPlace(way)
		})
		return h
	})
}

// Upsample is u.Forward of x to twice its size.
func (s Strips) Upsample(u Upsample, x torch.Tensor) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		return s.convolve(x, u.conv, 2, func(rows torch.Tensor) torch.Tensor {
			return torch.UpsampleNearest2d(rows, 2*rows.Size(2), 2*rows.Size(3))
		})
	})
}

// affine gives the scale and the shift [B,C,1,1] by which the norm changes each channel of x, both in float32. They are found of as many groups at
// once as a strip has room for where that is another type.
func (s Strips) affine(n GroupNorm, x torch.Tensor) (scale, shift torch.Tensor) {
	shape := x.Shape()
	each := shape[1] / n.groups // channels of a group
	some := n.groups
	if x.DType() != torch.Float32 {
		some = max(s.Bytes/(4*x.Numel()/n.groups), 1)
	}
	var means, vars []torch.Tensor
	for first := int64(0); first < n.groups; first += some {
		count := min(some, n.groups-first)
		both := torch.WithScope(func() []torch.Tensor {
			g := x.Narrow(1, first*each, count*each).To(torch.Float32).Reshape(shape[0], count, -1)
			return []torch.Tensor{g.Mean([]int64{2}, false), g.Var([]int64{2}, false, false)}
		})
		means, vars = append(means, both[0]), append(vars, both[1])
	}
	channels := func(t torch.Tensor) torch.Tensor { return t.RepeatInterleave(each, 1) } // [B,C]
	scale = channels(torch.Cat(vars, 1).AddScalar(n.eps).Rsqrt()).Mul(n.weight.To(torch.Float32))
	shift = n.bias.To(torch.Float32).Sub(channels(torch.Cat(means, 1)).Mul(scale))
	at := func(t torch.Tensor) torch.Tensor { return t.Reshape(shape[0], shape[1], 1, 1) }
	return at(scale), at(shift)
}
