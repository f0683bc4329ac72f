package sampling

import (
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// dpmFast is DPM-Solver-fast (Lu et al., arXiv:2206.00927, section 3.4): as many evaluations as the schedule has steps, in fewer steps of
// third order and one or two lower ones at the end, evenly long in log σ between the schedule's ends. It stops at the last level above 0.
func dpmFast(model Denoiser, x torch.Tensor, sigmas []float64, h Hooks) (torch.Tensor, error) {
	if err := checkSigmas(sigmas); err != nil {
		return torch.Tensor{}, err
	}
	evaluations := len(sigmas) - 1
	if evaluations < 1 {
		return x.Clone(), nil
	}
	steps := fastSteps(evaluations)
	high, low, err := positive("dpm_fast", sigmas)
	if err != nil {
		return torch.Tensor{}, err
	}
	levels := make([]float64, steps+1)
	for i := range levels {
		levels[i] = high * math.Pow(low/high, float64(i)/float64(steps))
	}
	return solver{name: "dpm_fast", formula: func(s *step) (torch.Tensor, error) {
		return s.ofOrder(fastOrder(evaluations, s.i))
	}}.sample(model, x, levels, h)
}

// fastSteps is how many steps dpm_fast makes of so many evaluations.
func fastSteps(evaluations int) int { return evaluations/3 + 1 }

// fastOrder is the order of step i: 3, and at the end what is left over; nothing left over makes the last two of second and first order.
func fastOrder(evaluations, i int) int {
	steps, rest := fastSteps(evaluations), evaluations%3
	switch {
	case rest == 0 && i == steps-2:
		return 2
	case rest == 0 && i == steps-1:
		return 1
	case i == steps-1:
		return rest
	}
	return 3
}
