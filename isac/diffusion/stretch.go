package diffusion

import (
	"errors"
	"fmt"
	"slices"
)

// ErrNoSteps says that a request leaves no step of its schedule.
var ErrNoSteps = errors.New("no steps")

// stretch gives the part of a schedule that a request runs.
func (r *SampleRequest) stretch(sigmas []float64) (part []float64, err error) {
	steps := len(sigmas) - 1
	last := r.LastStep
	if last == 0 || last > steps {
		last = steps
	}
	if r.FirstStep < 0 || r.LastStep < 0 || r.FirstStep >= last {
		return nil, fmt.Errorf("steps %d to %d of a schedule of %d, expected at least one: %w", r.FirstStep, last, steps, ErrNoSteps)
	}
	part = slices.Clone(sigmas[r.FirstStep : last+1])
	if r.TakeRest {
		part[len(part)-1] = 0
	}
	return part, nil
}

// checkExtras says what is wrong with what a request says beside prompt, size and schedule.
func (p *Pipeline) checkExtras(r *SampleRequest, shape []int64, bad func(string, ...any)) {
	if m := r.Mask; m.Defined() {
		switch {
		case m.Dim() < 2 || m.Numel() == 0:
			bad("the noise mask has shape %v, expected [M H W]", m.Shape())
		case !m.AllFinite():
			bad("the noise mask holds values that are not finite (NaN or Inf)")
		}
	}
	if r.BatchIndex != nil {
		if int64(len(r.BatchIndex)) != shape[0] {
			bad("there are %d numbers of noises for %d images", len(r.BatchIndex), shape[0])
		}
		if most := mostNoises; len(r.BatchIndex) == 0 || slices.Min(r.BatchIndex) < 0 || slices.Max(r.BatchIndex) > most {
			bad("the numbers of noises are %v, expected 0 to %d", r.BatchIndex, most)
		}
	}
	if r.NoNoise && r.Noise.Defined() {
		bad("the request has noise and says that there is none: leave one of the two out")
	}
}

// mostNoises bounds how many noises are made for the sake of a later one.
const mostNoises = 1 << 16
