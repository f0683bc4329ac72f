package guidance

import (
	"math"

	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/plugin/isacpb"
)

// hostNoise is a model's noise as a host has it: the host's latents, and the timestep where the host names it.
type hostNoise struct {
	sampling.Noise
	// plain tells that the host's x is X_t.
	plain bool
	// told is the timestep of the current step.
	told float64
}

// beyond is how far above the model's highest noise level, as a part of it, hosts may go: they round.
const beyond = 1e-3

// Timestep is that of the current step, which at has set.
func (n *hostNoise) Timestep(float64) float64 { return n.told }

// Input maps the host's x to X_t.
func (n *hostNoise) Input(x torch.Tensor, sigma float64) torch.Tensor {
	if n.plain {
		return x
	}
	return n.Noise.Input(x, sigma)
}

// Output is the inverse of Input.
func (n *hostNoise) Output(x torch.Tensor, sigma float64) torch.Tensor {
	if n.plain {
		return x
	}
	return n.Noise.Output(x, sigma)
}

// at takes a step's noise level and gives its σ. Where the host gives both σ and timestep they are taken as they are: its schedule is
// another than the model's.
func (n *hostNoise) at(sigma, timestep *float64, wrong *mistakes) float64 {
	last := n.Noise.Timestep(n.SigmaMax())
	switch {
	case sigma == nil && timestep == nil:
		wrong.add("sigma", "neither sigma nor timestep is given: give at least one")
		return 0
	case sigma != nil && (!(*sigma > 0) || math.IsInf(*sigma, 0)):
		wrong.add("sigma", "sigma is %v, it must be a number above 0: at 0 there is nothing left to guide", *sigma)
		return 0
	case timestep != nil && !(*timestep >= 0 && *timestep <= last):
		wrong.add("timestep", "timestep is %v, the model knows 0 to %v", *timestep, last)
		return 0
	case timestep == nil && *sigma > n.SigmaMax()*(1+beyond):
		wrong.add("sigma", "sigma is %v, the model's noise ends at %v: a host with another noise schedule gives the timestep too", *sigma, n.SigmaMax())
		return 0
	}
	if timestep == nil {
		n.told = n.Noise.Timestep(*sigma)
		return *sigma
	}
	n.told = *timestep
	if sigma != nil {
		return *sigma
	}
	if _, flow := n.Noise.(*sampling.Flow); flow { // what the model is told is σ itself in another unit, after the shift
		if *timestep == 0 {
			wrong.add("timestep", "timestep is 0: a flow has no noise left there, and nothing to guide")
		}
		return *timestep / last * n.SigmaMax()
	}
	return n.SigmaAt(*timestep)
}

// known tells whether a host's parametrisation is one.
func known(p isacpb.Parametrisation) bool {
	return p == isacpb.Parametrisation_PARAMETRISATION_COMFYUI || p == isacpb.Parametrisation_PARAMETRISATION_MODEL
}
