package guidance

import (
	"fmt"
	"math"
)

// Step says which step of a sampling run a latent belongs to.
type Step struct {
	// Index is the step's number, from 0 for the noisiest.
	Index int `json:"index"`
	// Count is the number of steps of the run.
	Count int `json:"count"`
	// Sigma is the noise level, in the host's own unit: √((1−ᾱ)/ᾱ) of models that predict noise or velocity, t in [0,1] of flow models.
	Sigma float64 `json:"sigma"`
	// Timestep is what the model is told, in its own unit (0..999 for models trained on 1000 steps). The session fills it in.
	Timestep float64 `json:"timestep"`
}

// check says what is wrong with a step.
func (s Step) check() error {
	if s.Count < 1 || s.Index < 0 || s.Index >= s.Count || !(s.Sigma >= 0) || math.IsInf(s.Sigma, 0) || math.IsNaN(s.Timestep) || math.IsInf(s.Timestep, 0) {
		return fmt.Errorf("guidance: step %d of %d at sigma %v, timestep %v: the index must be in 0..count-1 and sigma a number of at least 0", s.Index, s.Count, s.Sigma, s.Timestep)
	}
	return nil
}
