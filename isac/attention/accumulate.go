package attention

import "github.com/isac-guidance/isac/isac/torch"

// Options say how taps become maps.
type Options struct {
	// DivideUpsampled divides a self-attention map that is upsampled along its keys by δ², so that its rows keep their sum; each row
	// of an upsampled map is otherwise δ² times as much.
	DivideUpsampled bool
	// Renormalise makes each kind of keys of a joint softmax a softmax of its own: its rows then sum to 1. Otherwise they are
	// slices of the joint one, and sum to what the model gives to that kind.
	Renormalise bool
	// DetachSelf makes SA without gradient, also where gradients are enabled: what is looked up in it, Rows makes again with gradient.
	DetachSelf bool
}

// Accumulate is (1)-(4) of ISAC: the mean over all heads of all taps of softmax(scale·q·kᵀ), each upsampled to r.Top. It gives SA
// [HW,HW] of the image keys and CA [HW,L] of the text keys, float32, or float64 where the taps are; undefined where no tap has
// keys of that kind.
//
// Averaging, upsampling and slicing are linear, so the heads of one resolution are added up first and upsampled once: the same
// result as the paper's upsampling of every head, at the cost of one upsampling for each resolution. Upsampling is bilinear,
// half-pixel centres (align_corners = false), over queries and, for self-attention, over keys.
func Accumulate(r Reading, opt Options) (self, cross torch.Tensor) {
	// What lies between is large, and must not wait for the end of the caller's scope.
	both := torch.WithScope(func() []torch.Tensor {
		var image, text sums
		var all []Tap
		for _, t := range r.Taps {
			if t.left == nil {
				all = append(all, parts(t, opt.Renormalise)...)
			} else if t.left.text.Defined() {
				text.add(t.Grid(), t.left.heads, t.left.text.Narrow(0, 0, int64(t.Grid().Pixels())))
			}
		}
		image.take(onlineOf(r.Taps))
		for _, set := range sets(all) {
			m := torch.WithScope(func() []torch.Tensor {
				if opt.DetachSelf {
					i, t := split(set)
					return []torch.Tensor{i, t}
				}
				one := joined(set)
				m := one.Mean()
				return []torch.Tensor{columns(m, 1, one.Keys, Image), columns(m, 1, one.Keys, Text)}
			})
			image.add(set[0].Grid(), headsOf(set), m[0])
			text.add(set[0].Grid(), headsOf(set), m[1])
		}
		return []torch.Tensor{
			image.combine(r.Top, opt.DivideUpsampled, func(m torch.Tensor, from Grid) torch.Tensor {
				return upsampleQueries(upsampleKeys(m, from, r.Top), from, r.Top)
			}),
			text.combine(r.Top, false, func(m torch.Tensor, from Grid) torch.Tensor { return upsampleQueries(m, from, r.Top) }),
		}
	})
	return both[0], both[1]
}

// parts are the softmaxes that a tap stands for: its own, or one for each kind of its keys.
func parts(t Tap, renormalise bool) []Tap {
	if !renormalise || !t.Has(Image) || !t.Has(Text) {
		return []Tap{t}
	}
	return []Tap{t.only(Image), t.only(Text)}
}

// only is the softmax over the keys of one kind.
func (t Tap) only(kind Kind) Tap {
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
	return part
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

// upsampleKeys takes each row of m [n, hw] as an image of grid from and makes it one of grid to: [n, HW].
func upsampleKeys(m torch.Tensor, from, to Grid) torch.Tensor {
	if from == to {
		return m
	}
	n := m.Size(0)
	image := m.Contiguous().Reshape(1, n, int64(from.Height), int64(from.Width))
	return torch.UpsampleBilinear2d(image, int64(to.Height), int64(to.Width), false).Reshape(n, int64(to.Pixels()))
}

// upsampleQueries takes each column of m [hw, n] as an image of grid from and makes it one of grid to: [HW, n]. The columns are the
// channels of an image whose channels lie together, so nothing is transposed.
func upsampleQueries(m torch.Tensor, from, to Grid) torch.Tensor {
	if from == to {
		return m
	}
	n := m.Size(1)
	image := m.Contiguous().Reshape(1, int64(from.Height), int64(from.Width), n).Permute(0, 3, 1, 2)
	return torch.UpsampleBilinear2d(image, int64(to.Height), int64(to.Width), false).Permute(0, 2, 3, 1).Reshape(int64(to.Pixels()), n)
}
