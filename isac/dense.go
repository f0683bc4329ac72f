package isac

import (
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// mapLosses are L_ins (8) and L_cls (12) of whole maps, of which autograd keeps what it needs: the plain reading of the equations, and
// the reference for rowLosses. instance and class are where overlaps peak, nil where a loss is 0 by definition.
func (g *guide) mapLosses(s seen, instance, class *guidance.Peak) (ins, cls torch.Tensor) {
	if instance != nil {
		ins = overlap(s.masks, g.opt.Overlap, *instance)
	}
	if class != nil {
		cls = overlap(s.prop, g.opt.Overlap, *class)
	}
	return ins, cls
}
