package sampling

import "math"

// sigmaAtShare is the noise level after a share of the way from noise to image, from 0 to 1, as ComfyUI counts it: evenly in timesteps.
func sigmaAtShare(n Noise, share float64) float64 {
	f, flow := n.(*Flow)
	switch {
	case share >= 1:
		return 0
	case share <= 0 && flow:
		return 1
	case share <= 0:
		return math.Inf(1)
	case flow:
		t := 1 - share
		return f.Shift * t / (1 + (f.Shift-1)*t)
	}
	return n.SigmaAt((1 - share) * float64(len(n.Sigmas())-1))
}
