package attention

import (
	"slices"

	"github.com/isac-guidance/isac/isac/torch"
)

// What is computed at once of several taps: on a GPU, which wants few and large launches, so many scores of a row that those of not too few
// rows make a large launch; on the CPU so few altogether that calls cost more than copies of queries and keys. And not so many taps that what
// is put together takes memory that counts.
const (
	togetherCPU  = 1 << 17
	togetherGPU  = 1 << 18
	togetherMost = 8
)

// sets divides taps into those that are computed at once: of one layout, as many as are worth it. Sets are in the order of their first taps.
func sets(taps []Tap) [][]Tap {
	var out [][]Tap
next:
	for _, t := range taps {
		for i, set := range out {
			if alike(set[0], t) && len(set) < fits(t) {
				out[i] = append(set, t)
				continue next
			}
		}
		out = append(out, []Tap{t})
	}
	return out
}

// joined is one tap with the heads of all of a set: one softmax of many heads in the place of many of a few. The mean over heads, weighed
// by their number, is the same.
func joined(set []Tap) Tap {
	if len(set) == 1 {
		return set[0]
	}
	one := set[0]
	q, k := make([]torch.Tensor, len(set)), make([]torch.Tensor, len(set))
	for i, t := range set {
		q[i], k[i] = t.Q, t.K
	}
	one.Q, one.K = torch.Cat(q, 1), torch.Cat(k, 1)
	return one
}

// headsOf is the number of heads of a set.
func headsOf(set []Tap) int { return len(set) * set[0].Heads() }

// fits is how many taps like t are computed at once.
func fits(t Tap) int {
	row := max(1, t.Heads()*int(t.K.Size(2)))
	if t.Q.Device() != torch.CPU {
		return min(togetherMost, togetherGPU/row)
	}
	return min(togetherMost, togetherCPU/(row*max(1, t.Grid().Pixels())))
}

// alike tells whether two taps have the same layout.
func alike(a, b Tap) bool {
	return a.Grid() == b.Grid() && a.Scale == b.Scale && a.Half == b.Half && a.Mask == nil && b.Mask == nil && a.Q.DType() == b.Q.DType() &&
		slices.Equal(a.Q.Shape(), b.Q.Shape()) && slices.Equal(a.K.Shape(), b.K.Shape()) && slices.Equal(a.Keys, b.Keys)
}
