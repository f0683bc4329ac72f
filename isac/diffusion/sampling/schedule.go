package sampling

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// schedules are the ways to choose the noise levels of n steps, by ComfyUI's names.
var schedules = map[string]func(n Noise, steps int) []float64{
	"normal": normal, "simple": simple, "karras": karras, "ddim_uniform": ddimUniform, "sgm_uniform": sgmUniform,
	"exponential": exponential, "beta": beta, "linear_quadratic": linearQuadratic, "kl_optimal": klOptimal,
}

// ScheduleNames lists what Schedule knows, sorted.
func ScheduleNames() []string {
	var names []string
	for name := range schedules {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Schedule gives the noise levels of a sampling run, falling, the last one 0: one more than there are steps. ddim_uniform rounds the
// distance between timesteps down, so it may take more steps than asked for (31 for 30), and beta takes no timestep twice, so it may take
// fewer, both exactly as in ComfyUI: go by the length.
func Schedule(name string, n Noise, steps int) ([]float64, error) {
	s, ok := schedules[name]
	if !ok {
		return nil, fmt.Errorf("scheduler %q, expected one of %s", name, strings.Join(ScheduleNames(), ", "))
	}
	if most := len(n.Sigmas()); steps < 1 || steps > most {
		return nil, fmt.Errorf("%d steps, expected 1 to %d", steps, most)
	}
	sigmas := append(s(n, steps), 0)
	for i, v := range sigmas {
		sigmas[i] = float64(float32(v))
	}
	return sigmas, nil
}

// ScheduleFor is PartialSchedule for a sampler. dpm_2, dpm_2_ancestral, uni_pc and uni_pc_bh2 do without the last level above 0, and have one
// more before it instead, as in ComfyUI's KSampler. dpm_fast and dpm_adaptive stop there, and need two levels above 0.
func ScheduleFor(sampler, name string, n Noise, steps int, denoise float64) ([]float64, error) {
	if !withoutLast[sampler] {
		sigmas, err := PartialSchedule(name, n, steps, denoise)
		if err == nil && stopsAbove[sampler] {
			_, _, err = positive(sampler, sigmas)
		}
		return sigmas, err
	}
	return partial(n, steps, denoise, func(steps int) ([]float64, error) {
		if most := len(n.Sigmas()) - 1; steps < 1 || steps > most {
			return nil, fmt.Errorf("%d steps with sampler %s, expected 1 to %d", steps, sampler, most)
		}
		sigmas, err := Schedule(name, n, steps+1)
		if err != nil || len(sigmas) < 3 {
			return sigmas, err
		}
		return slices.Delete(sigmas, len(sigmas)-2, len(sigmas)-1), nil
	})
}

// withoutLast are the samplers that ScheduleFor names.
var withoutLast = map[string]bool{"dpm_2": true, "dpm_2_ancestral": true, "uni_pc": true, "uni_pc_bh2": true}

// PartialSchedule is Schedule for a latent that is noised only in part: it makes the schedule of steps/denoise steps and gives its last
// `steps` ones. denoise is in (0, 1]; 1 starts from pure noise.
func PartialSchedule(name string, n Noise, steps int, denoise float64) ([]float64, error) {
	return partial(n, steps, denoise, func(steps int) ([]float64, error) { return Schedule(name, n, steps) })
}

// partial is PartialSchedule of any schedule.
func partial(n Noise, steps int, denoise float64, schedule func(steps int) ([]float64, error)) ([]float64, error) {
	if !(denoise > 0 && denoise <= 1) {
		return nil, fmt.Errorf("denoise %g, expected more than 0 and at most 1", denoise)
	}
	if denoise > 0.9999 {
		return schedule(steps)
	}
	if float64(steps)/denoise >= float64(len(n.Sigmas())+1) {
		return nil, fmt.Errorf("%d steps at denoise %g take a schedule of %.0f steps, the model has only %d: take fewer steps", steps, denoise, float64(steps)/denoise, len(n.Sigmas()))
	}
	sigmas, err := schedule(int(float64(steps) / denoise))
	if err != nil {
		return nil, err
	}
	return sigmas[max(0, len(sigmas)-steps-1):], nil
}

// normal spaces timesteps evenly, from what the network is told at the highest noise level to what it is told at the lowest. In a flow
// that is shifted a second time, as in ComfyUI and in diffusers.
func normal(n Noise, steps int) []float64 {
	sigmas := make([]float64, steps)
	first, last := n.Timestep(n.SigmaMax()), n.Timestep(n.SigmaMin())
	for i := range sigmas {
		sigmas[i] = n.SigmaAt(first + (last-first)*float64(i)/float64(max(1, steps-1)))
	}
	return sigmas
}

// sgmUniform is normal without the last of one timestep more: it ends above the lowest noise level.
func sgmUniform(n Noise, steps int) []float64 { return normal(n, steps+1)[:steps] }

// simple takes every (T/n)-th of the training noise levels, from the last one down.
func simple(n Noise, steps int) []float64 {
	sigmas := make([]float64, steps)
	stride := float64(len(n.Sigmas())) / float64(steps)
	for i := range sigmas {
		sigmas[i] = n.Sigmas()[len(n.Sigmas())-1-int(float64(i)*stride)]
	}
	return sigmas
}

// karras spaces σ^(1/ρ) evenly, ρ = 7 (Karras et al., arXiv:2206.00364, equation 5).
func karras(n Noise, steps int) []float64 {
	const rho = 7
	sigmas := make([]float64, steps)
	high, low := math.Pow(n.SigmaMax(), 1.0/rho), math.Pow(n.SigmaMin(), 1.0/rho)
	for i := range sigmas {
		sigmas[i] = math.Pow(high+float64(i)/float64(max(1, steps-1))*(low-high), rho)
	}
	return sigmas
}

// exponential spaces log σ evenly.
func exponential(n Noise, steps int) []float64 {
	sigmas := make([]float64, steps)
	for i := range sigmas {
		sigmas[i] = n.SigmaMax() * math.Pow(n.SigmaMin()/n.SigmaMax(), float64(i)/float64(max(1, steps-1)))
	}
	return sigmas
}

// klOptimal spaces arctan σ evenly (Sabour et al., arXiv:2404.14507). One step starts at the highest noise level, where ComfyUI's
// divides by 0.
func klOptimal(n Noise, steps int) []float64 {
	sigmas := make([]float64, steps)
	high, low := math.Atan(n.SigmaMax()), math.Atan(n.SigmaMin())
	for i := range sigmas {
		sigmas[i] = math.Tan(high + float64(i)/float64(max(1, steps-1))*(low-high))
	}
	return sigmas
}

// linearQuadratic is the schedule of Genmo's Mochi, for flow models: half of the steps take a fortieth of the noise out, evenly, and the
// others the rest, each by more.
func linearQuadratic(n Noise, steps int) []float64 {
	const early = 0.025
	sigmas := make([]float64, steps)
	linear := steps / 2
	for i := range sigmas {
		gone := 0.0 // share of the noise
		if steps > 1 {
			slope := early / float64(linear)
			gone = slope * float64(i)
			if late := i - linear; late > 0 { // from where the straight line ends, a parabola to 1 at the last step's end
				left := float64(steps - linear)
				bend := (1 - early - slope*left) / (left * left)
				gone = early + slope*float64(late) + bend*float64(late*late)
			}
		}
		sigmas[i] = (1 - gone) * n.SigmaMax()
	}
	return sigmas
}

// ddimUniform takes timesteps 1, 1+s, 1+2s, … with s = ⌊T/n⌋, the grid of DDIM as Stable Diffusion was released with it.
func ddimUniform(n Noise, steps int) []float64 {
	var sigmas []float64
	for t := 1; t < len(n.Sigmas()); t += len(n.Sigmas()) / steps {
		sigmas = append(sigmas, n.Sigmas()[t])
	}
	slices.Reverse(sigmas)
	return sigmas
}
