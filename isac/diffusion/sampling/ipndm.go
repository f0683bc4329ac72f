package sampling

import "github.com/isac-guidance/isac/isac/torch"

// ipndm is the improved pseudo-numerical method of Zhang and Chen (arXiv:2204.13902, section 3.3): Adams and Bashforth's formula of up to
// fourth order over the slopes, with the weights of even steps whatever the steps are. One evaluation a step.
var ipndm = solver{name: "ipndm", past: 3, formula: func(s *step) (torch.Tensor, error) {
	weights := [][]float64{
		{1},
		{3. / 2, -1. / 2},
		{23. / 12, -16. / 12, 5. / 12},
		{55. / 24, -59. / 24, 37. / 24, -9. / 24},
	}[len(s.past)]
	for i := range weights {
		weights[i] *= s.next - s.sigma
	}
	return s.multistep(weights), nil
}}

// ipndmV is ipndm with weights that know how long the steps were.
var ipndmV = solver{name: "ipndm_v", past: 3, formula: func(s *step) (torch.Tensor, error) {
	length := []float64{s.next - s.sigma} // of this step and those before, the last one first
	later := s.sigma
	for _, p := range s.past {
		length = append(length, later-p.sigma)
		later = p.sigma
	}
	weights := variableWeights(length)
	for i := range weights {
		weights[i] *= length[0]
	}
	return s.multistep(weights), nil
}}

// variableWeights gives the weight of each slope for steps of these lengths. Up to two slopes these are Adams and Bashforth's. From
// three on they are ComfyUI's, which took them from diff-sampler: there a bracket of the third-order term ends one factor late, and
// pictures are to be the same.
func variableWeights(length []float64) []float64 {
	if len(length) == 1 {
		return []float64{1}
	}
	h, a := length[0], length[1]
	w := []float64{1 + h/a/2, -h / a / 2, 0, 0}[:len(length)]
	if len(length) == 2 {
		return w
	}
	b := length[2]
	third := (1 - h*h/(3*a*(a+b))) / 2
	w[0] += third
	w[1] -= (1 + a/b) * third
	w[2] += a / b * third
	if len(length) == 3 {
		return w
	}
	c := length[3]
	fourth := (1-h/(3*(h+a)))/2 + (1-h/(2*(h+a)))*h/(6*(h+a+b))
	fourth *= h * (h + a) * (h + a + b) / (a * (a + b) * (a + b + c))
	q := a * (a + b) / (b * (b + c))
	w[0] += fourth
	w[1] -= (1 + a/b + q) * fourth
	w[2] += (a/b + q*(1+b/c)) * fourth
	w[3] -= q * a / b * fourth
	return w
}

// multistep adds the slopes of this step and of those before to the state, each with its weight; a step to σ = 0 goes to D.
func (s *step) multistep(weights []float64) torch.Tensor {
	if s.next == 0 {
		return s.denoised
	}
	x := s.x.Add(s.slope().MulScalar(weights[0]))
	for i, p := range s.past[:len(weights)-1] {
		x = x.Add(p.slope().MulScalar(weights[i+1]))
	}
	return x
}
