package sampling

import (
	"math"
	"slices"

	"github.com/isac-guidance/isac/isac/torch"
)

// uniEnd is where uni_pc ends in the place of σ = 0, as in ComfyUI: the logarithm of 0 is not finite.
const uniEnd = 0.001

// uniPC is the unified predictor-corrector of Zhao et al. (arXiv:2302.04867, Algorithms 7 and 8) of up to third order, for D. Its
// B(h) is −h, or with bh2 e^−h − 1. What the model makes of a predicted state corrects that state, and the next is predicted from the
// corrected one; so there is one evaluation a step. Where guidance moved the predicted state, the corrected one is moved by as much.
func uniPC(name string, bh2 bool, n Noise) solver {
	_, flow := n.(*Flow)
	return solver{name: name, past: 3, formula: func(s *step) (torch.Tensor, error) {
		u := unified{bh2: bh2, most: min(3, len(s.sigmas)-2), steps: len(s.sigmas) - 1}
		x := s.x
		if len(s.past) > 0 {
			before := step{sigma: s.past[0].sigma, x: s.kept[0], denoised: s.past[0].denoised, past: s.past[1:]}
			x = u.update(&before, s.sigma, u.order(s.i), s.denoised)
			if s.move.Defined() {
				x = x.Add(s.move)
			}
		}
		s.keep = []torch.Tensor{x}
		corrected := *s
		corrected.x = x
		if s.next > 0 {
			return u.update(&corrected, s.next, u.order(s.i+1), torch.Tensor{}), nil
		}
		end := min(uniEnd, s.sigma/2)
		x = u.update(&corrected, end, u.order(s.i+1), torch.Tensor{})
		if flow { // the latent's share of x at the end
			x = x.DivScalar(1 - end)
		}
		return x, nil
	}}
}

// unified is what does not change over a run.
type unified struct {
	bh2         bool
	most, steps int
}

// order of the update to the k-th noise level: low where there is little behind, and low towards the end. ComfyUI takes no step at
// all where only one is asked for; here that is of first order.
func (u unified) order(k int) int { return max(1, min(u.most, k, u.steps+1-k)) }

// update goes from s.x to a noise level. With `there`, the D of that level, it corrects; with none, it predicts.
func (u unified) update(s *step, to float64, order int, there torch.Tensor) torch.Tensor {
	here, end := uniLevel(s.sigma), uniLevel(to)
	h := math.Log(here / end)
	base := toward(s.x, s.denoised, end/here)
	var at []float64 // where the D's are, in steps of h from here
	var changes []torch.Tensor
	for _, p := range s.past[:order-1] {
		r := math.Log(here/uniLevel(p.sigma)) / h
		at = append(at, r)
		changes = append(changes, p.denoised.Sub(s.denoised).DivScalar(r))
	}
	if there.Defined() {
		at = append(at, 1)
		changes = append(changes, there.Sub(s.denoised))
	}
	scale, weights := u.weights(h, at)
	if len(at) == 1 && (there.Defined() || order == 2) {
		weights[0] = 0.5 // the paper's, which is not the solution
	}
	for i, c := range changes {
		base = base.Sub(c.MulScalar(scale * weights[i]))
	}
	return base
}

// uniLevel is σ as ComfyUI's uni_pc has it, which goes by way of ᾱ = 1/(1+σ²) in float32: at its end, σ = 0.001, that is off by a fortieth,
// and pictures are to be the same.
func uniLevel(sigma float64) float64 {
	s := float32(sigma)
	logAlpha := 0.5 * float32(math.Log(float64(1/(float32(s*s)+1))))
	variance := 1 - float32(math.Exp(float64(2*logAlpha)))
	return math.Exp(0.5*math.Log(float64(variance)) - float64(logAlpha))
}

// weights solves R·ρ = b (equation 5), with R a matrix of powers of where the D's are.
func (u unified) weights(h float64, at []float64) (scale float64, weights []float64) {
	scale = -h
	if u.bh2 {
		scale = math.Expm1(-h)
	}
	phi, factorial := math.Expm1(-h)/-h-1, 1.0
	matrix, b := make([][]float64, len(at)), make([]float64, len(at))
	for i := range at {
		matrix[i] = make([]float64, len(at))
		for j, r := range at {
			matrix[i][j] = math.Pow(r, float64(i))
		}
		b[i] = phi * factorial / scale
		factorial *= float64(i + 2)
		phi = phi/-h - 1/factorial
	}
	return scale, solve(matrix, b)
}

// solve gives x of A·x = b by Gauss's elimination with row exchanges. A and b are used up.
func solve(a [][]float64, b []float64) []float64 {
	n := len(b)
	for c := range n {
		best := c
		for r := c + 1; r < n; r++ {
			if math.Abs(a[r][c]) > math.Abs(a[best][c]) {
				best = r
			}
		}
		a[c], a[best], b[c], b[best] = a[best], a[c], b[best], b[c]
		for r := c + 1; r < n; r++ {
			f := a[r][c] / a[c][c]
			for k := c; k < n; k++ {
				a[r][k] -= f * a[c][k]
			}
			b[r] -= f * b[c]
		}
	}
	x := slices.Clone(b)
	for r := n - 1; r >= 0; r-- {
		for k := r + 1; k < n; k++ {
			x[r] -= a[r][k] * x[k]
		}
		x[r] /= a[r][r]
	}
	return x
}
