package attention

import "github.com/isac-guidance/isac/isac/torch"

// hidden is what stands in a masked key's place: a score so low that its probability is 0, and that float16 can hold.
const hidden = -3e4

// Mean is the mean over heads of the tap's probabilities, [Height·Width, keys], in float32 or better; masked keys have 0.
func (t Tap) Mean() torch.Tensor {
	q, k := t.Q, t.K
	if t.Mask != nil {
		q, k = withMask(q, k, t.Mask)
	}
	return torch.AttentionMean(q, k, t.Scale, 0).Squeeze(0)
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
