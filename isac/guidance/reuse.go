package guidance

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/torch"
)

// Reuse says what of a guided step's own evaluation the sampler takes over, in the place of evaluating the model again where the step
// led. F is one evaluation of the model, and so is a gradient; a guided step with classifier-free guidance takes 4F without reuse.
type Reuse string

const (
	// ReuseNone is Algorithm 1: the model is evaluated again, on both sides, at X̃_t.
	ReuseNone Reuse = "none"
	// ReuseConditional takes the prediction on the conditional side from X_t, where the gradient was taken, and evaluates the negative
	// side alone at X̃_t: 3F. What the step changes on the conditional side the sampler learns one step later.
	ReuseConditional Reuse = "conditional"
	// ReuseShared has one place for both: the model's derivative dx/dσ is that at X_t on both sides, and the step is added to it,
	//
	//	D̃ = D(x) + (x̃ − x),
	//
	// in the host's latents: for a model that predicts velocity v, D̃ = x̃ − σ·v(x), the gradient is added to the velocity of the
	// same place. 3F, and of all families.
	ReuseShared Reuse = "shared"
)

// On tells whether anything is taken over.
func (r Reuse) On() bool { return r == ReuseConditional || r == ReuseShared }

// Prediction is what the model made of a guided step's own evaluation.
type Prediction struct {
	// At is X_t where it was made, Value the prediction on the conditional side alone, both [1,C,H,W] and without gradient. Of a step of
	// several moves they are those of the last.
	At, Value torch.Tensor
}

// canReuse says why a configuration cannot do what its options say of reuse.
func (c Config) canReuse(reuse Reuse) error {
	if !reuse.On() || c.Measure {
		return nil
	}
	if _, able := c.Model.(Evaluator); !able || c.Predicted == nil {
		return fmt.Errorf("guidance: reuse is %s, and this host's sampler evaluates its own model: set reuse to none", reuse)
	}
	return nil
}
