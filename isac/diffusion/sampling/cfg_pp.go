package sampling

import (
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// Samplers with CFG++ (Chung et al., arXiv:2406.08070): D is that of both conditionings, and the noise that is put back is what the model
// sees with the negative one alone. They take a cfg of about 1 or 2. Both come from one evaluation.

// eulerCFGPP is Euler's step, x = α'·D + σ'·ε with ε = (x − α·D_negative)/σ and α the latent's share of x: 1, and 1−σ in a flow.
// withNoise makes it ancestral.
func eulerCFGPP(name string, withNoise bool, n Noise) solver {
	return solver{name: name, negative: true, noise: withNoise, formula: func(s *step) (torch.Tensor, error) {
		if s.next == 0 {
			return s.denoised, nil
		}
		now, next := share(n, s.sigma), share(n, s.next)
		eps := s.x.Sub(s.negative.MulScalar(now)).DivScalar(s.sigma)
		down, up := s.next/next, 0.0
		if withNoise {
			if down, up = ancestral(s.sigma/now, s.next/next); now == 0 { // from noise alone: nothing of it stays
				down, up = 0, s.next/next
			}
		}
		x := s.denoised.MulScalar(next).Add(eps.MulScalar(next * down))
		if !withNoise {
			return x, nil
		}
		return s.renoise(x, 1, next*up), nil
	}}
}

// share is α, what x has of the latent at σ.
func share(n Noise, sigma float64) float64 {
	if _, flow := n.(*Flow); flow {
		return 1 - sigma
	}
	return 1
}

// dpmpp2mCFGPP is dpmpp_2m; the change of D is that from the last step's negative one, as in ComfyUI.
var dpmpp2mCFGPP = solver{name: "dpmpp_2m_cfg_pp", past: 1, negative: true, formula: func(s *step) (torch.Tensor, error) {
	ratio := s.next / s.sigma
	x := s.denoised.Add(s.x.Sub(s.negative).MulScalar(ratio))
	if len(s.past) > 0 && s.next > 0 {
		r := math.Log(s.past[0].sigma/s.sigma) / math.Log(s.sigma/s.next)
		x = x.Add(s.denoised.Sub(s.past[0].negative).MulScalar((1 - ratio) / (2 * r)))
	}
	return x, nil
}}

// dpmpp2sAncestralCFGPP is dpmpp_2s_ancestral from a state that is moved by what D and the newest negative D differ by.
var dpmpp2sAncestralCFGPP = solver{name: "dpmpp_2s_ancestral_cfg_pp", noise: true, negative: true, formula: func(s *step) (torch.Tensor, error) {
	down, up := ancestral(s.sigma, s.next)
	if down == 0 {
		return s.renoise(s.denoised, 1, up), nil
	}
	moved := func(negative torch.Tensor) torch.Tensor { return s.x.Add(s.denoised.Sub(negative)) }
	middle := math.Sqrt(s.sigma * down)
	denoised, negative, err := s.h.Both(toward(moved(s.negative), s.denoised, middle/s.sigma), middle)
	if err != nil {
		return torch.Tensor{}, err
	}
	return s.renoise(toward(moved(negative), denoised, down/s.sigma), 1, up), nil
}}
