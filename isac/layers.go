package isac

import (
	"math"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/guidance"
)

var _ guidance.Reader = (*guide)(nil)

// Reads leaves out second self-attentions that are not asked for, and what lies behind Options.Depth: of n layers that would be read it
// reads the first ⌈depth·n⌉, or as many as it takes to have self- and cross-attention.
func (g *guide) Reads(layers []attention.Tap) []bool {
	reads := make([]bool, len(layers))
	n := 0
	for i, t := range layers {
		if reads[i] = g.opt.AuxiliarySelf || !t.Auxiliary; reads[i] {
			n++
		}
	}
	if g.opt.Depth == 0 {
		return reads
	}
	left := int(math.Ceil(g.opt.Depth*float64(n) - 1e-9))
	self, cross := false, false
	for i, t := range layers {
		if !reads[i] {
			continue
		}
		if left <= 0 && self && cross {
			reads[i] = false
			continue
		}
		left--
		self, cross = self || t.Has(attention.Image), cross || t.Has(attention.Text)
	}
	return reads
}
