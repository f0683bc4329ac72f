package guidance

import (
	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/torch"
)

// Method is a way to guide with all its options chosen: a struct of options whose fields have JSON names (see With).
type Method interface {
	// Name is the method's, as lists and messages have it: "isac".
	Name() string
	// Common are the options that every method has.
	Common() Options
	// Validate reports every option that is out of range, all at once.
	Validate() error
	// Begin makes the method ready for one run of one image. It fails where target and options do not hold together.
	Begin(target Target) (Guide, error)
}

// Streamer is a Method that may do without gradients of whole self-attention maps, which decides about the memory of a step.
type Streamer interface {
	// Streams tells whether it does, with the options that it has.
	Streams() bool
}

// Onliner is a Method that may do with maps that are made while the model is evaluated, which saves the memory of queries and keys.
type Onliner interface {
	// Online gives the options of these maps, and tells whether it does, with the options that it has.
	Online() (attention.Options, bool)
}

// Guide is a method at work on one run of one image. What it remembers from step to step holds no tensors.
type Guide interface {
	// Idle tells why a step needs no look at the model, "" if it does: nothing that the method measures would have weight.
	Idle(step Step) string
	// Measure reads one evaluation of the model, in the caller's scope. Losses have gradients where those are enabled. It fills in
	// maps, as far as it comes and has them, unless maps is nil. A step that cannot be guided is no error but a reason.
	Measure(r attention.Reading, step Step, maps *Maps) (Measurement, error)
}

// Deferrer is a Guide that can measure without waiting for the device: what it decides by on the way is supposed to be what it mostly is, and
// read with the losses, after the gradient was taken.
type Deferrer interface {
	// Defer is Measure of which nothing is read from the device. It gives the terms alone, and the rest when Deferred is read, maps too; ok is false
	// where it cannot, and then it has done nothing.
	Defer(r attention.Reading, step Step, maps *Maps) (terms []Term, rest Deferred, ok bool, err error)
}

// Deferred is what is left of a measurement that was made without reading.
type Deferred struct {
	// Values are to be read, float64 [n].
	Values torch.Tensor
	// Take takes them in, and gives the measurement without its terms. It is false where what was supposed is not so: the terms are then of no
	// use, and Measure is to be asked.
	Take func(values []float64) (Measurement, bool)
}

// Measurement is what a guide found at a step.
type Measurement struct {
	// Skipped tells why there is no loss at this step, "" if there is.
	Skipped string
	// Terms are what the step shall lower: their weighted sum.
	Terms []Term
	// Height and Width are the grid that the rest is on, in row-major order; 0 is that of the finest attention.
	Height, Width int
	// Foreground is the number of foreground pixels.
	Foreground int
	// Labels holds the instance of each pixel, -1 on the background; nil where the method finds no instances.
	Labels []int
	// Masks are the soft masks of the instances, a value for each pixel.
	Masks [][]float32
}

// Term is one loss.
type Term struct {
	// Name is how reports call it.
	Name string
	// Weight is what it counts for at this step, λ.
	Weight float64
	// Value is a scalar, with gradient.
	Value torch.Tensor
}

// Pacer is a Guide whose step size changes over the run.
type Pacer interface {
	// Pace multiplies the step size η.
	Pace(step Step) float64
}

// Refiner is a Guide that moves the latent more than once at some steps.
type Refiner interface {
	// Again tells, after each move of a step, whether the model is evaluated at the moved latent for another. loss is the weighted
	// sum of the losses before the move; moves counts those of this step, from 1.
	Again(step Step, moves int, loss float64) bool
}

// Resumer is a Guide that can go on from the instances of an earlier step.
type Resumer interface {
	// Resume takes the labels of a report on a grid of height·width.
	Resume(labels []int, height, width int) error
}

// Preparer is a Guide that changes the noise before the first step.
type Preparer interface {
	// Prepare gives the noise that the run starts from in the place of noise, unit normal [1,C,H,W], of the same shape. taps
	// evaluates the model on unit noise at the first step.
	Prepare(taps func(noise torch.Tensor) ([]attention.Tap, error), noise torch.Tensor, first Step) (torch.Tensor, error)
}

// Selector is a Guide that judges whole runs, so that the best of several candidates is kept.
type Selector interface {
	// Score judges a run by the reports of all its steps; the lowest score is kept.
	Score(reports []Report) float64
}
