package attention

import (
	"slices"

	"github.com/isac-guidance/isac/isac/torch"
)

// Options say how taps become maps.
type Options struct {
	// DivideUpsampled divides a self-attention map that is upsampled along its keys by δ², so that its rows keep their sum; each row
	// of an upsampled map is otherwise δ² times as much.
	DivideUpsampled bool
	// Renormalise makes each kind of keys of a joint softmax a softmax of its own: its rows then sum to 1. Otherwise they are
	// slices of the joint one, and sum to what the model gives to that kind.
	Renormalise bool
}

// Accumulate is (1)-(4) of ISAC: the mean over all heads of all taps of softmax(scale·q·kᵀ), each upsampled to r.Top. It gives SA
// [HW,HW] of the image keys and CA [HW,L] of the text keys, float32, or float64 where the taps are; undefined where no tap has
// keys of that kind.
//
// Averaging, upsampling and slicing are linear, so the heads of one resolution are added up first and upsampled once: the same
// result as the paper's upsampling of every head, at the cost of one upsampling for each resolution. Upsampling is bilinear,
// half-pixel centres (align_corners = false), over queries and, for self-attention, over keys.
func Accumulate(r Reading, opt Options) (self, cross torch.Tensor) {
	var groups []*group
	for _, t := range r.Taps {
		for _, part := range parts(t, opt.Renormalise) {
			groups = part.addTo(groups)
		}
	}
	return combine(groups, Image, r.Top, opt.DivideUpsampled), combine(groups, Text, r.Top, false)
}

// group is the sum of the maps of all heads of all taps that have one grid and one layout of keys.
type group struct {
	grid  Grid
	keys  []Segment
	sum   torch.Tensor // [hw, keys]
	heads int
}

// parts are the softmaxes that a tap stands for: its own, or one for each kind of its keys.
func parts(t Tap, renormalise bool) []Tap {
	if !renormalise || !t.Has(Image) || !t.Has(Text) {
		return []Tap{t}
	}
	var out []Tap
	for _, kind := range []Kind{Image, Text} {
		part := t
		part.K, part.Keys, part.Mask = columns(t.K, 2, t.Keys, kind), nil, nil
		at := 0
		for _, s := range t.Keys {
			if s.Kind == kind {
				part.Keys = append(part.Keys, s)
				if t.Mask != nil {
					part.Mask = append(part.Mask, t.Mask[at:at+s.Length]...)
				}
			}
			at += s.Length
		}
		out = append(out, part)
	}
	return out
}

// addTo adds the head-sum of the tap's map to the group that it belongs to.
func (t Tap) addTo(groups []*group) []*group {
	m := t.Mean().MulScalar(float64(t.Heads()))
	for _, g := range groups {
		if g.grid == t.Grid() && slices.Equal(g.keys, t.Keys) {
			g.sum, g.heads = g.sum.Add(m), g.heads+t.Heads()
			return groups
		}
	}
	return append(groups, &group{grid: t.Grid(), keys: t.Keys, sum: m, heads: t.Heads()})
}

// combine makes one map of those groups that have keys of a kind.
func combine(groups []*group, kind Kind, top Grid, divide bool) torch.Tensor {
	var total torch.Tensor
	heads := 0
	for _, g := range groups {
		m := columns(g.sum, 1, g.keys, kind)
		if !m.Defined() {
			continue
		}
		heads += g.heads
		if g.grid != top {
			if kind == Image {
				m = upsample(m, g.grid, top)
				if divide {
					m = m.MulScalar(float64(g.grid.Pixels()) / float64(top.Pixels()))
				}
			}
			m = upsample(m.Transpose(0, 1), g.grid, top).Transpose(0, 1)
		}
		if total.Defined() {
			m = total.Add(m)
		}
		total = m
	}
	if !total.Defined() {
		return total
	}
	return total.DivScalar(float64(heads))
}

// columns are those of m along dim that are keys of a kind; m itself where all are, undefined where none is.
func columns(m torch.Tensor, dim int64, keys []Segment, kind Kind) torch.Tensor {
	var cut []torch.Tensor
	at := 0
	for _, s := range keys {
		if s.Kind == kind {
			cut = append(cut, m.Narrow(dim, int64(at), int64(s.Length)))
		}
		at += s.Length
	}
	switch {
	case len(cut) == 0:
		return torch.Tensor{}
	case len(cut) == len(keys):
		return m
	case len(cut) == 1:
		return cut[0]
	}
	return torch.Cat(cut, dim)
}

// upsample takes each row of m [n, hw] as an image of grid from and makes it one of grid to: [n, HW].
func upsample(m torch.Tensor, from, to Grid) torch.Tensor {
	n := m.Size(0)
	image := m.Contiguous().Reshape(1, n, int64(from.Height), int64(from.Width))
	return torch.UpsampleBilinear2d(image, int64(to.Height), int64(to.Width), false).Reshape(n, int64(to.Pixels()))
}
