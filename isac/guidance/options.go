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
	// Every guides one step of so many in the window, beginning with its first; 0 and 1 guide each. Steps are no longer for that: the
	// latent is moved less.
	Every int `json:"every" help:"Guides one step of so many, from the first of the window; 0 and 1 guide each. The others cost what they do without guidance."`
	// At, where it is not empty, names the guided steps in the place of Start, End and Every: fractions of the run from 0 to 1, with
	// spaces or commas between. f is step ⌊f·n⌋ of n, and 1 the last.
	At string `json:"at" help:"Guides single steps in the place of a window: fractions of the run with spaces or commas between, such as 0 0.1 0.4. Empty: start, end and every."`
	// SkipBelow leaves out the gradient and the move of steps whose loss, as reported, is below it; 0 of none. It saves the gradient, about
	// half of what guidance adds; the evaluation that tells the loss is made.
	SkipBelow float64 `json:"skip_below" step:"0.0001" help:"Leaves a latent alone at steps whose loss is below this, which saves the gradient; 0 never does. What a small loss is depends on method, preset and model: see the losses of a run."`
	// Reuse is what the sampler takes over from the guided step's evaluation. It needs a host whose sampler is ours.
	Reuse Reuse `json:"reuse" choices:"none,conditional,shared" help:"What sampling takes over from a guided step's own evaluation. none: nothing, as in Algorithm 1. conditional: the positive side, as it was before the move. shared: the place, both sides are evaluated before the move. Each saves one of four evaluations, and is an approximation. Not for hosts with samplers of their own, such as ComfyUI."`
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
	o.checkSteps(bad)
	if !(o.SkipBelow >= 0) || math.IsInf(o.SkipBelow, 0) {
		bad("skip below is %v, it must be a loss above 0, or 0 to skip none", o.SkipBelow)
	}
	if o.Reuse != "" { // files of before have none
		OneOf(bad, "reuse", o.Reuse, ReuseNone, ReuseConditional, ReuseShared)
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

// move takes the step of Algorithm 1 from x against g, the gradient or what stands in its place, both of the same wide type, by
// the rule of the options. latent is ‖x‖, norm is ‖g‖, scalars in float64; pace multiplies η.
func (o Options) move(x, g, latent, norm torch.Tensor, pace float64) torch.Tensor {
	eta := o.Eta * pace
	if o.StepRule == StepRelative {
		return x.Sub(g.Mul(latent.Div(norm).MulScalar(eta)))
	}
	return x.Sub(g.MulScalar(eta))
}
