package guidance

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/isac-guidance/isac/isac/torch"
)

// Options are what every method has. A method embeds them in its own.
type Options struct {
	// Eta is the step size η, above 0. Its meaning depends on StepRule.
	Eta float64 `json:"eta" step:"0.001" help:"Step size of guidance. With relative steps it is the fraction of its norm by which a latent moves."`
	// StepRule is how the gradient becomes a step: raw as in Algorithm 1, or relative to the latent's norm.
	StepRule StepRule `json:"step_rule" choices:"relative,raw" help:"relative: X - eta |X| g/|g|. raw: X - eta g, as papers print it."`
	// Start and End bound the guided steps as fractions of the run, 0 ≤ Start < End ≤ 1: step i of n is guided if
	// Start·n ≤ i < End·n. The layout is settled in the first steps, so most of the effect is there.
	Start float64 `json:"start" max:"1" help:"Where in the run guidance begins, as a fraction of its steps."`
	End   float64 `json:"end" max:"1" help:"Where in the run guidance ends, as a fraction of its steps."`
	// Direction is which way a step goes: against the gradient, or at random as a control.
	Direction Direction `json:"direction" choices:"gradient,random" help:"gradient: down the loss. random: as far in a random direction, a control that knows nothing."`
	// DirectionSeed decides the random directions, together with the session's seed and the number of the step: each step has a
	// direction of its own, and the same one in every run.
	DirectionSeed uint64 `json:"direction_seed" help:"Chooses among random directions."`
	// LossScale multiplies the loss before the backward pass and divides the gradient after it, so that single-pixel losses
	// do not vanish in float16. 0 chooses it: 1, and where a tap is float16 one by the loss's own size. There it is only the first
	// that is tried: what comes out infinite or vanishes is tried again with less or more.
	LossScale float64 `json:"loss_scale" help:"Multiplies the loss before the backward pass and divides the gradient after it, for half precision; 0 chooses it by the loss."`
}

// Common gives the options themselves: what a method that embeds them has for Method.Common.
func (o Options) Common() Options { return o }

// StepRule says how a gradient becomes a step.
type StepRule string

const (
	// StepRaw is Algorithm 1: X̃ = X − η ∇L.
	StepRaw StepRule = "raw"
	// StepRelative is X̃ = X − η ‖X‖ ∇L/‖∇L‖: every step moves the latent by the fraction η of its norm.
	StepRelative StepRule = "relative"
)

// Direction says which way a guided step goes.
type Direction string

const (
	// DirectionGradient goes against the gradient of the loss.
	DirectionGradient Direction = "gradient"
	// DirectionRandom is the control: a random direction, as far as the gradient step would have gone. What it does for a
	// picture, guidance does by shaking the latent and not by what it knows. It looks at the model and skips steps as guidance
	// does. Under the relative rule the length of a step is known without its gradient, so none is taken, and a step that
	// guidance would skip because its gradient is zero or not finite is not skipped.
	DirectionRandom Direction = "random"
)

// Check reports every option that is out of range to bad.
func (o Options) Check(bad func(format string, args ...any)) {
	if !(o.Eta > 0) || math.IsInf(o.Eta, 0) {
		bad("step size eta is %v, it must be a number above 0", o.Eta)
	}
	OneOf(bad, "step rule", o.StepRule, StepRaw, StepRelative)
	OneOf(bad, "direction", o.Direction, DirectionGradient, DirectionRandom)
	if !(o.Start >= 0 && o.Start < o.End && o.End <= 1) {
		bad("the window of steps is %v to %v, it must be two fractions of the run with 0 <= start < end <= 1", o.Start, o.End)
	}
	if !(o.LossScale >= 0) || math.IsInf(o.LossScale, 0) {
		bad("loss scale is %v, it must be a number above 0, or 0 to have it chosen", o.LossScale)
	}
}

// Collect runs check and joins all that it calls bad; each error begins with the method's name.
func Collect(method string, check func(bad func(format string, args ...any))) error {
	var errs []error
	check(func(format string, args ...any) { errs = append(errs, fmt.Errorf(method+": "+format, args...)) })
	return errors.Join(errs...)
}

// OneOf reports a value that is none of the allowed ones.
func OneOf[T ~string](bad func(string, ...any), what string, got T, allowed ...T) {
	names := make([]string, len(allowed))
	for i, a := range allowed {
		if got == a {
			return
		}
		names[i] = string(a)
	}
	bad("%s is %q, it must be one of %s", what, string(got), strings.Join(names, ", "))
}

// Window gives the guided steps [first, end) of a run of count steps.
func (o Options) Window(count int) (first, end int) {
	// The subtraction keeps 0.1·30 = 3.0000000000000004 from becoming 4.
	ceil := func(f float64) int { return int(math.Ceil(f*float64(count) - 1e-9)) }
	return ceil(o.Start), ceil(o.End)
}

// move takes the step of Algorithm 1 from x against g, the gradient or what stands in its place, both of the same wide type, by
// the rule of the options. norm is ‖g‖, above 0; pace multiplies η.
func (o Options) move(x, g torch.Tensor, norm, pace float64) torch.Tensor {
	eta := o.Eta * pace
	if o.StepRule == StepRelative {
		eta *= x.NormAll().Item() / norm
	}
	return x.Sub(g.MulScalar(eta))
}
