package sampling

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// form is a sampler for the noise levels of one family.
type form func(n Noise) Sampler

// entry is one sampler by ComfyUI's name: for noise that is added to the latent, and for rectified flow, where noise mixes with it. flow
// is nil where there is no such form.
type entry struct {
	added, flow form
	// negative says that the sampler looks at the negative conditioning alone.
	negative bool
}

// samplers is every sampler of ComfyUI 0.3.64.
var samplers = map[string]entry{
	"euler":               same(euler),
	"ddim":                same(euler), // see DDIM
	"heun":                same(heun),
	"heunpp2":             same(heunpp2),
	"dpm_2":               same(dpm2),
	"lms":                 same(lms),
	"dpm_fast":            {added: only(dpmFast), flow: only(dpmFast)},
	"dpm_adaptive":        {added: only(dpmAdaptive), flow: only(dpmAdaptive)},
	"dpmpp_2m":            same(dpmpp2m),
	"ipndm":               same(ipndm),
	"ipndm_v":             same(ipndmV),
	"deis":                same(deis),
	"res_multistep":       same(resMultistep("res_multistep", false, false)),
	"gradient_estimation": same(gradientEstimation("gradient_estimation", false)),
	"lcm":                 byNoise(lcm),
	"uni_pc":              byNoise(func(n Noise) solver { return uniPC("uni_pc", false, n) }),
	"uni_pc_bh2":          byNoise(func(n Noise) solver { return uniPC("uni_pc_bh2", true, n) }),

	"euler_ancestral":         two(eulerAncestral, eulerAncestralFlow),
	"dpm_2_ancestral":         two(dpm2Ancestral, dpm2AncestralFlow),
	"dpmpp_2s_ancestral":      two(dpmpp2sAncestral, dpmpp2sAncestralFlow),
	"ddpm":                    {added: only(ddpm.sample)},
	"res_multistep_ancestral": {added: only(resMultistep("res_multistep_ancestral", true, false).sample)},

	"dpmpp_sde":             byRatio(dpmppSDE),
	"dpmpp_sde_gpu":         byRatio(dpmppSDE),
	"dpmpp_2m_sde":          byRatio(dpmpp2mSDE("dpmpp_2m_sde", true)),
	"dpmpp_2m_sde_gpu":      byRatio(dpmpp2mSDE("dpmpp_2m_sde", true)),
	"dpmpp_2m_sde_heun":     byRatio(dpmpp2mSDE("dpmpp_2m_sde_heun", false)),
	"dpmpp_2m_sde_heun_gpu": byRatio(dpmpp2mSDE("dpmpp_2m_sde_heun", false)),
	"dpmpp_3m_sde":          byRatio(dpmpp3mSDE),
	"dpmpp_3m_sde_gpu":      byRatio(dpmpp3mSDE),
	"er_sde":                byRatio(erSDE),
	"seeds_2":               byRatio(seeds2),
	"seeds_3":               byRatio(seeds3),
	"sa_solver":             adamsEntry("sa_solver", false),
	"sa_solver_pece":        adamsEntry("sa_solver_pece", true),

	"euler_cfg_pp":                   byNoise(func(n Noise) solver { return eulerCFGPP("euler_cfg_pp", false, n) }).both(),
	"euler_ancestral_cfg_pp":         byNoise(func(n Noise) solver { return eulerCFGPP("euler_ancestral_cfg_pp", true, n) }).both(),
	"dpmpp_2m_cfg_pp":                same(dpmpp2mCFGPP).both(),
	"dpmpp_2s_ancestral_cfg_pp":      entry{added: only(dpmpp2sAncestralCFGPP.sample)}.both(),
	"res_multistep_cfg_pp":           same(resMultistep("res_multistep_cfg_pp", false, true)).both(),
	"res_multistep_ancestral_cfg_pp": entry{added: only(resMultistep("res_multistep_ancestral_cfg_pp", true, true).sample)}.both(),
	"gradient_estimation_cfg_pp":     same(gradientEstimation("gradient_estimation_cfg_pp", true)).both(),
}

func only(s Sampler) form { return func(Noise) Sampler { return s } }

// same is a formula that holds for both kinds of noise: it knows only x, D and σ, and both change with σ alike.
func same(v solver) entry { return entry{added: only(v.sample), flow: only(v.sample)} }

// two is a formula for each kind.
func two(added, flow solver) entry { return entry{added: only(added.sample), flow: only(flow.sample)} }

// byNoise is a formula that asks the noise.
func byNoise(v func(Noise) solver) entry {
	f := func(n Noise) Sampler { return v(n).sample }
	return entry{added: f, flow: f}
}

// byRatio is a formula in the ratio of noise to latent.
func byRatio(v solver) entry {
	return entry{added: only(v.sample), flow: func(n Noise) Sampler { return inRatio(v.name, v.sample, n.(*Flow)) }}
}

// adamsEntry is the stochastic Adams solver, with noise between a fifth and four fifths of the way.
func adamsEntry(name string, twice bool) entry {
	return entry{
		added: func(n Noise) Sampler {
			return saSolver(name, twice, sigmaAtShare(n, 0.2), sigmaAtShare(n, 0.8)).sample
		},
		flow: func(n Noise) Sampler {
			ratio := func(sigma float64) float64 { return sigma / (1 - sigma) }
			v := saSolver(name, twice, ratio(sigmaAtShare(n, 0.2)), ratio(sigmaAtShare(n, 0.8)))
			return inRatio(name, v.sample, n.(*Flow))
		},
	}
}

// both is a sampler that looks at the negative conditioning alone too.
func (e entry) both() entry {
	e.negative = true
	return e
}

// Names lists the samplers, sorted.
func Names() []string { return slices.Sorted(maps.Keys(samplers)) }

// NamesFor lists the samplers that have a form for a noise, sorted.
func NamesFor(n Noise) []string {
	_, flow := n.(*Flow)
	return slices.DeleteFunc(Names(), func(name string) bool { return flow && samplers[name].flow == nil })
}

// Named finds a sampler by ComfyUI's name for it, in the form that it has for a noise; nil stands for that of Stable Diffusion 1. It fails
// where there is none of this name, or where it adds noise in a way that would leave the path of a flow model.
func Named(name string, n Noise) (Sampler, error) {
	e, ok := samplers[name]
	if !ok {
		return nil, fmt.Errorf("sampler %q, expected one of %s", name, strings.Join(Names(), ", "))
	}
	if _, flow := n.(*Flow); flow {
		if e.flow == nil {
			return nil, fmt.Errorf("sampler %s adds noise to the latent, and this model (rectified flow) mixes the two: expected one of %s", name, strings.Join(NamesFor(n), ", "))
		}
		return e.flow(n), nil
	}
	if n == nil {
		d, err := NewDiscrete(StableDiffusion1(), Epsilon)
		if err != nil {
			return nil, err
		}
		n = d
	}
	return e.added(n), nil
}

// NeedsNegative says whether a sampler looks at what the model makes of the negative conditioning alone (CFG++): it then needs one at any
// cfg, and Hooks.Both.
func NeedsNegative(name string) bool { return samplers[name].negative }

// Steps is how many steps a sampler takes over a schedule: one less than there are levels. dpm_fast makes fewer and longer ones, with as many
// evaluations. What dpm_adaptive will take, nobody knows before: see Guidable.
func Steps(name string, sigmas []float64) int {
	n := max(0, len(sigmas)-1)
	if name == "dpm_fast" && n > 0 {
		return fastSteps(n)
	}
	return n
}

// Guidable fails for dpm_adaptive: which steps are guided is a share of their number, and it chooses them as it goes.
func Guidable(name string) error {
	if name == "dpm_adaptive" {
		return fmt.Errorf("sampler %s chooses its steps as it goes, and guidance needs to know how many there are: take another, such as dpmpp_2m", name)
	}
	return nil
}
