package baseline

import (
	"github.com/isac-guidance/isac/isac/guidance"
)

// AttendExcite is Attend-and-Excite with its options: a guidance.Method. Take Official or AttendPaper and change what you need:
// the zero value is not valid.
type AttendExcite struct {
	// Options are those of every method. η is the step size at the first step, in X_t as the model takes it; it falls over the run
	// (see Pace of the guide).
	guidance.Options
	// Resolution is the side of the attention maps that are read, in positions: the shorter one of a grid that is not square. Layers
	// of other grids are left out. 0 takes the grid that the model has nearest to a quarter of its finest: 16×16 in Stable Diffusion
	// 1, 24×24 in 2.1 at 768 pixels, 32×32 in XL. It has no effect with Accumulate.
	Resolution int `json:"resolution" help:"Attend-and-Excite: side of the attention maps that are read, in positions; 0 is a quarter of the model's finest, or what is nearest to it."`
	// Accumulate reads the layers of all resolutions, upsampled to the finest and averaged, as ISAC's paper does it with every method.
	Accumulate bool `json:"accumulate" help:"Attend-and-Excite: reads the layers of all resolutions, and not of one."`
	// Refine has three steps move the latent until every class is seen: the first one, one at a fifth and one at two fifths of the run.
	Refine bool `json:"refine" help:"Attend-and-Excite: moves the latent several times at three steps, until the weakest class is seen as strongly as the threshold says."`
	// Tries is the most moves that refinement takes at one step, before the move that every step takes; at least 1.
	Tries int `json:"tries" help:"Attend-and-Excite: the most moves of refinement at one step."`
	// Threshold is how strongly the weakest class has to be seen.
	Threshold Thresholds `json:"threshold"`
	// RenormaliseJoint makes the text keys of a joint softmax (MMDiT) a softmax of their own, in the place of a slice of the joint one.
	RenormaliseJoint bool `json:"renormalise_joint" help:"In models with one softmax over image and text (SD3): a softmax for each, in the place of two slices of one."`
}

// Thresholds are what the strongest attention to the weakest class has to reach at a refined step, 0 to 1. 0 refines nothing.
type Thresholds struct {
	// First is for the first step of the run.
	First float64 `json:"first" max:"1" step:"0.01" help:"Attend-and-Excite: how strongly the weakest class has to be seen at the first step, 0 to 1."`
	// Second is for the step at a fifth of the run: step 10 of 50.
	Second float64 `json:"second" max:"1" step:"0.01" help:"Attend-and-Excite: the same at a fifth of the run."`
	// Third is for the step at two fifths of the run: step 20 of 50.
	Third float64 `json:"third" max:"1" step:"0.01" help:"Attend-and-Excite: the same at two fifths of the run."`
}

var _ guidance.Method = AttendExcite{}

// Official is Attend-and-Excite as its authors published it, for 50 steps and attention at 16×16: guided in the first half of the
// run.
func Official() AttendExcite {
	return AttendExcite{
		Options:   guidance.Options{Eta: 20, StepRule: guidance.StepRaw, Start: 0, End: 0.5, Direction: guidance.DirectionGradient},
		Refine:    true,
		Tries:     20,
		Threshold: Thresholds{First: 0.05, Second: 0.5, Third: 0.8},
	}
}

// AttendPaper is the form in which ISAC's paper compares itself with it (appendix B.1): maps of all resolutions, the rest as Official.
func AttendPaper() AttendExcite {
	o := Official()
	o.Accumulate = true
	return o
}

// Name is "attend_excite".
func (AttendExcite) Name() string { return attendName }

const attendName = "attend_excite"

// Validate reports every option that is out of range, all at once.
func (o AttendExcite) Validate() error {
	return guidance.Collect(attendName, func(bad func(string, ...any)) {
		o.Options.Check(bad)
		if o.Resolution < 0 {
			bad("resolution is %d, it must be a number of positions, or 0 to have it chosen", o.Resolution)
		}
		if o.Tries < 1 {
			bad("tries are %d, at least 1 is needed: set refine to false for none", o.Tries)
		}
		for _, t := range []struct {
			name  string
			value float64
		}{{"first", o.Threshold.First}, {"second", o.Threshold.Second}, {"third", o.Threshold.Third}} {
			if !(t.value >= 0 && t.value <= 1) {
				bad("threshold %s is %v, it must be a number from 0 to 1", t.name, t.value)
			}
		}
	})
}
