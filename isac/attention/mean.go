package attention

import "github.com/isac-guidance/isac/isac/torch"

// hidden is what stands in a masked key's place: a score so low that its probability is 0, and that float16 can hold.
const hidden = -3e4

// Mean is the mean over heads of the tap's probabilities, [Height·Width, keys], in float32 or better; masked keys have 0.
func (t Tap) Mean() torch.Tensor {
	q, k := t.scored()
	return torch.AttentionMean(q, k, t.Scale, 0).Squeeze(0)
}

// scored are queries and keys whose products are the tap's scores, mask and all.
func (t Tap) scored() (q, k torch.Tensor) {
	if t.Mask != nil {
		return withMask(t.Q, t.K, t.Mask)
	}
	return t.Q, t.K
}

// split is Mean of a set of taps by kinds of keys, each undefined where there are none: those of the image without gradient, those of the
// text with.
func split(set []Tap) (image, text torch.Tensor) {
	t := set[0]
	first, length := t.Length(Image), t.Length(Text)
	switch {
	case length == 0:
		torch.NoGrad(func() { image = joined(set).Mean() })
		return image, text
	case first == 0:
		return image, joined(set).Mean()
	case !t.textLast():
		m := joined(set).Mean()
		return columns(m, 1, t.Keys, Image).Detach(), columns(m, 1, t.Keys, Text)
	}
	q, k := joined(set).scored()
	all, some := torch.AttentionColumns(q, k, t.Scale, int64(first), int64(length))
	return all.Squeeze(0).Narrow(1, 0, int64(first)), some.Squeeze(0)
}

// textLast tells whether the text's keys lie together, behind the image's.
func (t Tap) textLast() bool { return t.Keys[0].Kind == Image && t.Keys[0].Length == t.Length(Image) }

// textGradient has the gradient of the text's part of Mean, and its values only where they come by themselves.
func (t Tap) textGradient() torch.Tensor {
	if t.Has(Image) && t.textLast() {
		q, k := t.scored()
		return torch.AttentionColumnsGrad(q, k, t.Scale, int64(t.Length(Image)), int64(t.Length(Text))).Squeeze(0)
	}
	_, text := split([]Tap{t})
	return text
}

// withMask appends a dimension to queries and keys in which the score of a masked key falls by hidden: q·k then holds the mask.
func withMask(q, k torch.Tensor, mask []bool) (torch.Tensor, torch.Tensor) {
	bias := make([]float32, len(mask))
	for i, attended := range mask {
		if !attended {
			bias[i] = hidden
		}
	}
	qs, ks := q.Shape(), k.Shape()
	ones := torch.Ones([]int64{qs[0], qs[1], qs[2], 1}, q.DType(), q.Device())
	low := torch.FromFloat32s(bias, 1, 1, ks[2], 1).To(k.DType()).ToDevice(k.Device()).Expand(ks[0], ks[1], ks[2], 1)
	return torch.Cat([]torch.Tensor{q, ones}, -1), torch.Cat([]torch.Tensor{k, low}, -1)
}
