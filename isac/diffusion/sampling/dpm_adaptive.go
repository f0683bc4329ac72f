package sampling

import (
	"fmt"
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// The numbers of k-diffusion's adaptive solver.
const (
	adaptiveStart    = 0.05   // first length in −log σ
	adaptiveRelative = 0.05   // error that is allowed, by the size of the state
	adaptiveAbsolute = 0.0078 // and at least
	adaptiveAccept   = 0.81   // a step that would rather have been shorter than this share of itself is taken back
	adaptiveSmall    = 1e-5   // what is left over is not worth a step
)

// dpmAdaptive is DPM-Solver-23 (Lu et al., arXiv:2206.00927, Algorithm 6 and appendix C): it takes steps of third order between the
// schedule's ends, and chooses their lengths by how far the second order is from the third. It stops at the last level above 0. Three
// evaluations a step; a step that is taken back counts too. How many there will be is not known before: see Guidable.
func dpmAdaptive(model Denoiser, x torch.Tensor, sigmas []float64, h Hooks) (torch.Tensor, error) {
	if err := checkSigmas(sigmas); err != nil {
		return torch.Tensor{}, err
	}
	if len(sigmas) < 2 {
		return x.Clone(), nil
	}
	high, low, err := positive("dpm_adaptive", sigmas)
	if err != nil {
		return torch.Tensor{}, err
	}
	now, end, length := -math.Log(high), -math.Log(low), adaptiveStart
	accepted := false
	v := solver{name: "dpm_adaptive", formula: func(s *step) (torch.Tensor, error) {
		lower, at, err := s.second(1. / 3)
		if err != nil {
			return torch.Tensor{}, err
		}
		higher, err := s.third(at)
		if err != nil {
			return torch.Tensor{}, err
		}
		before := s.x // the lower order's state of the last step that was accepted
		if len(s.kept) > 0 {
			before = s.kept[0]
		}
		factor := adaptiveFactor(lower, higher, before)
		length *= factor
		if accepted = factor >= adaptiveAccept; !accepted {
			s.keep = []torch.Tensor{before}
			return s.x, nil
		}
		s.keep = []torch.Tensor{lower}
		return higher, nil
	}}
	w, err := v.walk(model, x, sigmas, h)
	if err != nil {
		return torch.Tensor{}, err
	}
	defer w.close()
	for i := 0; now < end-adaptiveSmall; i++ {
		if !(length > adaptiveSmall/1000) {
			return torch.Tensor{}, fmt.Errorf("dpm_adaptive finds no step that is short enough at σ = %g: the model's prediction may not be finite; take another sampler, such as dpmpp_2m", math.Exp(-now))
		}
		level := math.Exp(-now)
		if i == 0 {
			level = high // the very same
		}
		next := min(end, now+length)
		if err := w.advance(i, level, math.Exp(-next)); err != nil {
			return torch.Tensor{}, err
		}
		if accepted {
			now = next
		}
	}
	return w.leave(), nil
}

// adaptiveFactor is by what the next step should be longer, a controller of the integral kind for third order: 1 + atan(e^(−1/3) − 1), where
// e is the root of the mean square of the difference, in parts of what is allowed.
func adaptiveFactor(lower, higher, before torch.Tensor) float64 {
	allowed := lower.Abs().Maximum(before.Abs()).MulScalar(adaptiveRelative).Clamp(adaptiveAbsolute, math.MaxFloat32)
	e := lower.Sub(higher).Div(allowed).Square().MeanAll().Sqrt().Item()
	return 1 + math.Atan(math.Cbrt(1/(e+1e-8))-1)
}
