package attention

import "github.com/isac-guidance/isac/isac/torch"

// sums are maps of one kind of keys, added up as far as they can be before they are upsampled.
type sums struct{ groups []*group }

// group is the sum of means over so many heads of one grid.
type group struct {
	grid  Grid
	heads int
	means int
	sum   torch.Tensor
}

// add takes in the mean m over so many heads, which may be undefined. The sum has a gradient where m has.
func (s *sums) add(grid Grid, heads int, m torch.Tensor) {
	if !m.Defined() {
		return
	}
	for _, g := range s.groups {
		if g.grid == grid && g.heads == heads {
			g.sum, g.means = plus(g.sum, m), g.means+1
			m.Close()
			return
		}
	}
	s.groups = append(s.groups, &group{grid: grid, heads: heads, means: 1, sum: m})
}

// combine is the mean over all heads on the grid top; undefined where there is none. bring makes of a map of another grid what is
// wanted on top; divide is Options.DivideUpsampled.
func (s *sums) combine(top Grid, divide bool, bring func(m torch.Tensor, from Grid) torch.Tensor) torch.Tensor {
	var total torch.Tensor
	heads := 0
	for _, g := range s.groups {
		heads += g.means * g.heads
	}
	for _, g := range s.groups {
		weight := float64(g.heads) / float64(heads)
		if divide {
			weight *= float64(g.grid.Pixels()) / float64(top.Pixels())
		}
		m := torch.Scoped(func() torch.Tensor { return bring(times(g.sum, weight), g.grid) })
		if m != g.sum {
			g.sum.Close()
		}
		if !total.Defined() {
			total = m
			continue
		}
		before := total
		if total = plus(total, m); total != before {
			before.Close()
		}
		m.Close()
	}
	return total
}

// times is a·v, in a's place where it has no gradient.
func times(a torch.Tensor, v float64) torch.Tensor {
	if a.RequiresGrad() {
		return a.MulScalar(v)
	}
	return a.MulInPlaceScalar(v)
}

// plus is a + b: in a's place where neither has a gradient.
func plus(a, b torch.Tensor) torch.Tensor {
	if a.RequiresGrad() || b.RequiresGrad() {
		return a.Add(b)
	}
	return a.AddInPlace(b)
}
