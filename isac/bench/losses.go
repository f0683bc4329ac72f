package bench

import (
	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/bench/score"
	"github.com/isac-guidance/isac/isac/guidance"
)

// losses are the steps at which guidance looked at the model, of the first image of a run; the others, outside its window, have
// nothing to tell.
func losses(reports [][]guidance.Report) []score.StepLoss {
	var steps []score.StepLoss
	for _, images := range reports {
		r := images[0]
		if r.Height == 0 { // not looked at
			continue
		}
		l := score.StepLoss{Step: r.Index, Skipped: r.Skipped}
		instance, own := r.Named(isac.LossInstance)
		class, _ := r.Named(isac.LossClass)
		if l.Instance, l.Class = instance.Value, class.Value; !own {
			l.Loss = r.Loss
		}
		if r.LatentNorm > 0 {
			l.Moved = r.StepNorm / r.LatentNorm
		}
		steps = append(steps, l)
	}
	return steps
}
