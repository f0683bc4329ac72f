package sampling

import (
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// saSolver is the stochastic Adams solver of Xue et al. (arXiv:2309.05019, Algorithm 1): a predictor of third and a corrector of fourth
// order, lower towards the end. The equation is the stochastic one between the noise levels high and low, and without noise outside. One
// evaluation a step; with twice, the corrected state is evaluated too (PECE), and then there are two. Where guidance moved the predicted
// state, the corrected one is moved by as much.
func saSolver(name string, twice bool, high, low float64) solver {
	tau := func(sigma float64) float64 {
		if low <= sigma && sigma <= high {
			return 1
		}
		return 0
	}
	return solver{name: name, past: 3, noise: true, formula: func(s *step) (torch.Tensor, error) {
		last := len(s.sigmas) - 1
		toZero := s.sigmas[last] == 0
		x, d := s.x, s.denoised
		if corrects := s.i > 0 && (s.next > 0 || twice); corrects {
			order := min(4, len(s.past)+1)
			if toZero {
				order = min(order, last-s.i)
			}
			before, t := s.past[0].sigma, tau(s.sigma)
			x = s.kept[0].MulScalar(adamsDecay(before, s.sigma, t)).Add(s.adams(d, order, before, s.sigma, t))
			if t > 0 {
				x = x.Add(s.kept[1])
			}
			if s.move.Defined() {
				x = x.Add(s.move)
			}
			if twice {
				var err error
				if d, err = s.model(x, s.sigma); err != nil {
					return torch.Tensor{}, err
				}
				s.denoised = d // what the steps to come remember
			}
		}
		s.keep = []torch.Tensor{x}
		if s.next == 0 {
			return d, nil
		}
		order := min(3, len(s.past)+1)
		if toZero {
			order = min(order, last-1-s.i)
		}
		t := tau(s.next)
		next := x.MulScalar(adamsDecay(s.sigma, s.next, t)).Add(s.adams(d, order, s.sigma, s.next, t))
		if t > 0 {
			h := math.Log(s.sigma / s.next)
			noise := s.noise(x).MulScalar(s.next * math.Sqrt(-math.Expm1(-2*t*t*h)))
			s.keep = append(s.keep, noise)
			next = next.Add(noise)
		}
		return next, nil
	}}
}

// adamsDecay is what stays of the state over a step: σ'/σ·e^(−τ²h).
func adamsDecay(from, to, tau float64) float64 {
	return math.Pow(to/from, 1+tau*tau)
}

// adams integrates the polynomial through the last `order` D's, d the newest, over a step (equations 15 and 18).
func (s *step) adams(d torch.Tensor, order int, from, to, tau float64) torch.Tensor {
	at := s.levels()[:order]
	for i := range at {
		at[i] = math.Log(to / at[i]) // λ, from the end of the step
	}
	weights := adamsWeights(at, math.Log(to/from), tau)
	sum := d.MulScalar(weights[0])
	for i, p := range s.past[:order-1] {
		sum = sum.Add(p.denoised.MulScalar(weights[i+1]))
	}
	return sum
}

// adamsWeights are m·∫e^(m·λ)·(Lagrange's polynomial of at[j]) dλ from `from`, which is below 0, to 0, with m = 1+τ².
func adamsWeights(at []float64, from, tau float64) []float64 {
	m := 1 + tau*tau
	n := len(at)
	powers, matrix := make([]float64, n), make([][]float64, n)
	for p := range n {
		// By parts: m·∫e^(mλ)λ^p = [e^(mλ)λ^p] − p/m·(m·∫e^(mλ)λ^(p−1)).
		end := 0.0
		if p == 0 {
			end = 1
		}
		powers[p] = end - math.Exp(m*from)*math.Pow(from, float64(p))
		if p > 0 {
			powers[p] -= float64(p) / m * powers[p-1]
		}
		matrix[p] = make([]float64, n)
		for j, l := range at {
			matrix[p][j] = math.Pow(l, float64(p))
		}
	}
	return solve(matrix, powers)
}
