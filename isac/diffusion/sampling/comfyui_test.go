package sampling

import (
	"fmt"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// loose are the samplers for which ComfyUI computes weights in float32 whatever the type of x is.
var loose = map[string]float64{"deis": 2e-5, "er_sde": 2e-6, "lms": 1e-6, "dpm_fast": 3e-6}

// both is the model of testdata/make_comfyui.py, written a second time.
func both(x torch.Tensor, sigma float64) (denoised, negative torch.Tensor, err error) {
	denoised, err = wavy(x, sigma)
	return denoised, denoised.MulScalar(0.8).SubScalar(0.1), err
}

// given are the hooks with the noise that was recorded, in order.
func (w way) given() Hooks {
	used := 0
	noise := func(torch.Tensor) torch.Tensor {
		used++
		return w.tensor(w.Noises[used-1])
	}
	return Hooks{
		Noise:    func(_ int, _ float64, like torch.Tensor) torch.Tensor { return noise(like) },
		Brownian: func(_ int, _, _ float64, like torch.Tensor) torch.Tensor { return noise(like) },
		Both:     both,
	}
}

// Every sampler takes the way that ComfyUI's own takes, with the same model and the same noise, for both kinds of noise, guided and not.
func TestSamplersLikeComfyUI(t *testing.T) {
	torchtest.Require(t)
	var ways []way
	readJSON(t, "comfyui.json", &ways)
	noises := map[string]Noise{"discrete": discrete(t, StableDiffusion1()), "flow": flow(t, 3)}
	seen := map[string]bool{}
	for _, w := range ways {
		sampler, err := Named(w.Sampler, noises[w.Kind])
		if err != nil {
			if w.Kind != "flow" || samplers[w.Sampler].flow != nil || !strings.Contains(err.Error(), "rectified flow") {
				t.Errorf("%s: %v", w.name(), err)
			}
			continue
		}
		seen[w.Kind+" "+w.Sampler] = true
		tolerance := max(1e-8, loose[w.Sampler])
		if w.Type == "float32" {
			tolerance = 1e-4
		}
		// ComfyUI's uni_pc and dpm_adaptive report the state after a step, and these three their start all the time.
		told := !strings.HasPrefix(w.Sampler, "uni_pc") && w.Sampler != "dpm_adaptive" && !strings.HasPrefix(w.Sampler, "ipndm") && w.Sampler != "deis"
		err = torch.InScope(func() error {
			h, steps := w.given(), 0
			h.BeforeStep = func(i int, _ float64, x torch.Tensor) (torch.Tensor, error) {
				steps++
				if w.Guided {
					x = x.AddScalar(0.05 * float64(i+1))
				}
				if told && i < len(w.States) {
					w.within(t, fmt.Sprintf("state %d", i), x, w.States[i], tolerance)
				}
				return x, nil
			}
			out, err := sampler(wavy, w.tensor(w.X), w.Sigmas, h)
			if err != nil {
				return err
			}
			want := Steps(w.Sampler, w.Sigmas)
			if steps != len(w.States) || Guidable(w.Sampler) == nil && steps != want {
				t.Errorf("%s: %d steps, ComfyUI takes %d, and Steps says %d", w.name(), steps, len(w.States), want)
			}
			if last := w.Sigmas[len(w.Sigmas)-1]; last == 0 || !strings.HasPrefix(w.Sampler, "sa_solver") {
				w.within(t, "result", out, w.Result, tolerance)
			} // where the schedule does not end in 0, ComfyUI's gives the state of the level before the last
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", w.name(), err)
		}
	}
	for kind, n := range noises {
		for _, name := range NamesFor(n) {
			if !seen[kind+" "+name] && name != "ddim" && !strings.HasSuffix(name, "_gpu") { // DDIM is Euler, see TestDDIMIsDDIM
				t.Errorf("no fixture for %s %s", kind, name)
			}
		}
	}
}

// Both kinds of noise have all samplers, but those that would leave the path of a flow.
func TestNamesFor(t *testing.T) {
	if got := len(NamesFor(discrete(t, StableDiffusion1()))); got != 42 || got != len(Names()) {
		t.Errorf("%d samplers", got)
	}
	f := flow(t, 3)
	missing := map[string]bool{}
	for _, name := range Names() {
		missing[name] = true
	}
	for _, name := range NamesFor(f) {
		delete(missing, name)
	}
	for _, name := range []string{"ddpm", "res_multistep_ancestral", "res_multistep_ancestral_cfg_pp", "dpmpp_2s_ancestral_cfg_pp"} {
		if _, err := Named(name, f); err == nil || !missing[name] || !strings.Contains(err.Error(), "euler_ancestral") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(missing) != 4 {
		t.Errorf("%v have no form for flow", missing)
	}
}
