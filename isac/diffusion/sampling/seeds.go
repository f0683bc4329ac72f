package sampling

import (
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// seeds2 and seeds3 are the stochastic exponential solvers of Gonzalez et al. (arXiv:2305.14267) with two and three stages, for D. The
// noises of a step's parts add up to the step's. Two and three evaluations a step, one in a step to σ = 0.
var (
	seeds2 = solver{name: "seeds_2", noise: true, formula: func(s *step) (torch.Tensor, error) {
		return s.seeds([]float64{0.5}, func(h float64, ds []torch.Tensor) torch.Tensor {
			if len(ds) == 1 {
				return ds[0].MulScalar(-math.Expm1(-h)) // to the middle
			}
			return ds[1].MulScalar(-math.Expm1(-h))
		})
	}}
	seeds3 = solver{name: "seeds_3", noise: true, formula: func(s *step) (torch.Tensor, error) {
		return s.seeds([]float64{1. / 3, 2. / 3}, func(h float64, ds []torch.Tensor) torch.Tensor {
			first, second := math.Expm1(-h), (math.Expm1(-h)+h)/-h
			switch len(ds) {
			case 1:
				return ds[0].MulScalar(-first)
			case 2:
				second *= 2 // the second part's place by the first's
				return ds[0].MulScalar(second - first).Sub(ds[1].MulScalar(second))
			}
			second /= 2. / 3
			return ds[0].MulScalar(second - first).Sub(ds[2].MulScalar(second))
		})
	}}
)

// seeds goes through a step's parts, which end at the shares of its length in −log σ that are given, and at 1. combine gives what is to be
// added of the D's so far in a part that ends there; its h is twice the part's length, which is what the equation's noise makes of it.
func (s *step) seeds(shares []float64, combine func(h float64, ds []torch.Tensor) torch.Tensor) (torch.Tensor, error) {
	if s.next == 0 {
		return s.denoised, nil
	}
	length := math.Log(s.sigma / s.next)
	ds := []torch.Tensor{s.denoised}
	var noise torch.Tensor
	last := 0.0 // share
	for _, share := range append(shares, 1) {
		// Of the noise so far a factor stays, and fresh noise makes up for the rest.
		stays := math.Exp((last - share) * length)
		fresh := s.noise(s.x).MulScalar(math.Sqrt(1 - stays*stays))
		if noise.Defined() {
			fresh = noise.MulScalar(stays).Add(fresh)
		}
		noise, last = fresh, share
		level := s.sigma * math.Exp(-share*length)
		x := s.x.MulScalar(math.Exp(-2 * share * length)).Add(combine(2*share*length, ds)).Add(noise.MulScalar(level))
		if share == 1 {
			return x, nil
		}
		denoised, err := s.model(x, level)
		if err != nil {
			return torch.Tensor{}, err
		}
		ds = append(ds, denoised)
	}
	return torch.Tensor{}, nil
}
