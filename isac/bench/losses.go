package bench

import (
	"math"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/bench/score"
	"github.com/isac-guidance/isac/isac/diffusion"
)

// losses are the steps at which guidance looked at the model; the others, outside its window, have nothing to tell. size is the
// number of values of the latent.
func losses(reports []isac.Report, g *diffusion.Guidance, size int64) []score.StepLoss {
	var steps []score.StepLoss
	for _, r := range reports {
		if r.Height == 0 { // not looked at
			continue
		}
		l := score.StepLoss{Step: r.Index, Instance: r.LossInstance, Class: r.LossClass, Skipped: r.Skipped}
		switch {
		case r.StepNorm == 0:
		case g.Options.StepRule == isac.StepRelative:
			l.Moved = g.Options.Eta
		default: // a report does not tell ‖X_t‖, but X_t preserves variance: its values have variance 1
			l.Moved = r.StepNorm / math.Sqrt(float64(size))
		}
		steps = append(steps, l)
	}
	return steps
}
