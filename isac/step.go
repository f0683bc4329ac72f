package isac

import (
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// window gives the guided steps [first, end) of a run of count steps.
func (o Options) window(count int) (first, end int) {
	// The subtraction keeps 0.1·30 = 3.0000000000000004 from becoming 4.
	ceil := func(f float64) int { return int(math.Ceil(f*float64(count) - 1e-9)) }
	return ceil(o.Start), ceil(o.End)
}

// weights gives λ_ins and λ_cls at a step.
func (o Options) weights(s Step) (instance, class float64) {
	if o.ScheduleInWindow {
		if first, end := o.window(s.Count); first <= s.Index && s.Index < end {
			return o.Schedule.Weights(s.Index-first, end-first)
		}
	}
	return o.Schedule.Weights(s.Index, s.Count)
}

// move takes the step of Algorithm 1 from x against the gradient g, both of the same wide type, by the rule of the options.
// norm is ‖g‖, above 0.
func (o Options) move(x, g torch.Tensor, norm float64) torch.Tensor {
	eta := o.Eta
	if o.StepRule == StepRelative {
		eta *= x.NormAll().Item() / norm
	}
	return x.Sub(g.MulScalar(eta))
}

// wide is the type in which latents are stepped: float32, or float64 for a float64 latent.
func wide(t torch.Tensor) torch.Tensor {
	if t.DType() == torch.Float64 {
		return t
	}
	return t.To(torch.Float32)
}
