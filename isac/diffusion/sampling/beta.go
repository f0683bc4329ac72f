package sampling

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// beta spaces timesteps as the quantiles of the beta distribution with both parameters 0.6 (Lee et al., arXiv:2407.12173): dense at both
// ends. A timestep that comes out twice is taken once.
func beta(n Noise, steps int) []float64 {
	var sigmas []float64
	last := -1
	for i := range steps {
		share := 1 - float64(i)/float64(steps)
		t := int(math.RoundToEven(betaQuantile(share) * float64(len(n.Sigmas())-1)))
		if t != last {
			sigmas = append(sigmas, n.Sigmas()[t])
		}
		last = t
	}
	return sigmas
}

// betaQuantile is the inverse of the distribution's function, the regularised incomplete beta function.
func betaQuantile(share float64) float64 {
	const parameter = 0.6
	switch {
	case share >= 1:
		return 1
	case share == 0.5: // the middle, which has to be exact: 999 times it is a half
		return 0.5
	}
	return mathext.InvRegIncBeta(parameter, parameter, share)
}
