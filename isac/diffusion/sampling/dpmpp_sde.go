package sampling

import (
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// dpmppSDE is DPM-Solver++ for the diffusion's stochastic equation, single steps of second order (Lu et al., arXiv:2211.01095, in the form of
// Crowson's k-diffusion): both halves of a step are ancestral, and their noises are of one Brownian path. Two evaluations a step, one in
// a step to σ = 0.
var dpmppSDE = solver{name: "dpmpp_sde", brownian: true, formula: func(s *step) (torch.Tensor, error) {
	if s.next == 0 {
		return s.denoised, nil
	}
	to := func(level float64, denoised torch.Tensor) torch.Tensor {
		down, up := ancestral(s.sigma, level)
		return toward(s.x, denoised, down/s.sigma).Add(s.brownian(s.sigma, level, s.x).MulScalar(up))
	}
	middle := math.Sqrt(s.sigma * s.next)
	denoised, err := s.model(to(middle, s.denoised), middle)
	if err != nil {
		return torch.Tensor{}, err
	}
	return to(s.next, denoised), nil
}}

// dpmpp2mSDE is the multistep solver of second order for the same equation (SDE-DPM-Solver++(2M)): half says how the change of D since
// the last step is weighed, by the middle of the step, or as Heun's method does. One evaluation a step.
func dpmpp2mSDE(name string, half bool) solver {
	return solver{name: name, past: 1, brownian: true, formula: func(s *step) (torch.Tensor, error) {
		if s.next == 0 {
			return s.denoised, nil
		}
		h := math.Log(s.sigma / s.next)
		gone := -math.Expm1(-2 * h) // what of the state is replaced
		x := toward(s.x, s.denoised, 1-gone)
		if len(s.past) > 0 {
			weight := 1 - gone/(2*h)
			if half {
				weight = gone / 2
			}
			x = x.Add(s.change(0, h).MulScalar(weight))
		}
		return s.diffuse(x, gone), nil
	}}
}

// dpmpp3mSDE is the one of third order, by Crowson: D is taken for a parabola through this and the last two steps'. One evaluation a step.
var dpmpp3mSDE = solver{name: "dpmpp_3m_sde", past: 2, brownian: true, formula: func(s *step) (torch.Tensor, error) {
	if s.next == 0 {
		return s.denoised, nil
	}
	h := math.Log(s.sigma / s.next)
	gone := -math.Expm1(-2 * h)
	x := toward(s.x, s.denoised, 1-gone)
	second := 1 - gone/(2*h)
	switch len(s.past) {
	case 1:
		x = x.Add(s.change(0, h).MulScalar(second))
	case 2:
		third := second/(2*h) - 0.5
		r0 := math.Log(s.past[0].sigma/s.sigma) / h
		r1 := math.Log(s.past[1].sigma/s.past[0].sigma) / h
		now, before := s.change(0, h), s.change(1, h)
		bend := now.Sub(before).DivScalar(r0 + r1)
		x = x.Add(now.Add(bend.MulScalar(r0)).MulScalar(second)).Sub(bend.MulScalar(third))
	}
	return s.diffuse(x, gone), nil
}}

// change is by how much D changed over the k-th step before, for a step of length h in −log σ.
func (s *step) change(k int, h float64) torch.Tensor {
	now := past{sigma: s.sigma, denoised: s.denoised}
	if k > 0 {
		now = s.past[k-1]
	}
	then := s.past[k]
	return now.denoised.Sub(then.denoised).MulScalar(h / math.Log(then.sigma/now.sigma))
}

// diffuse adds the noise that a step of the stochastic equation adds: of variance next²·gone, in a step to next.
func (s *step) diffuse(x torch.Tensor, gone float64) torch.Tensor {
	return x.Add(s.brownian(s.sigma, s.next, x).MulScalar(s.next * math.Sqrt(gone)))
}
