package sampling

import (
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// lms is the linear multistep method that k-diffusion took from Katherine Crowson: the polynomial through the slopes of up to four steps,
// integrated over this one. One evaluation a step.
var lms = solver{name: "lms", past: 3, formula: func(s *step) (torch.Tensor, error) {
	at := s.levels()
	weights := make([]float64, len(at))
	for j := range weights {
		weights[j] = integral(s.sigma, s.next, func(tau float64) float64 { return lagrange(at, j, tau) })
	}
	return s.multistep(weights), nil
}}

// levels are the noise levels of this step and of those before, the last one first.
func (s *step) levels() []float64 {
	at := []float64{s.sigma}
	for _, p := range s.past {
		at = append(at, p.sigma)
	}
	return at
}

// lagrange is the polynomial that is 1 at at[j] and 0 at the others.
func lagrange(at []float64, j int, tau float64) float64 {
	product := 1.0
	for k := range at {
		if k != j {
			product *= (tau - at[k]) / (at[j] - at[k])
		}
	}
	return product
}

// integral of f from a to b by Gauss and Legendre's two points, which is exact for polynomials up to the third degree.
func integral(a, b float64, f func(float64) float64) float64 {
	middle, half := (a+b)/2, (b-a)/2
	return half * (f(middle-half/math.Sqrt(3)) + f(middle+half/math.Sqrt(3)))
}
