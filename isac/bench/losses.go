package bench

import (
	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/bench/score"
)

// losses are the steps at which guidance looked at the model; the others, outside its window, have nothing to tell.
func losses(reports []isac.Report) []score.StepLoss {
	var steps []score.StepLoss
	for _, r := range reports {
		if r.Height == 0 { // not looked at
			continue
		}
		l := score.StepLoss{Step: r.Index, Instance: r.LossInstance, Class: r.LossClass, Skipped: r.Skipped}
		if r.LatentNorm > 0 {
			l.Moved = r.StepNorm / r.LatentNorm
		}
		steps = append(steps, l)
	}
	return steps
}
