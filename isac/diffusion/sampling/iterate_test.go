package sampling

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// constant are hooks whose noise is the same everywhere, with a model for those that look at both conditionings.
func constant(noise float64, model Denoiser) Hooks {
	even := func(like torch.Tensor) torch.Tensor { return like.ZerosLike().AddScalar(noise) }
	return Hooks{
		Noise:    func(_ int, _ float64, like torch.Tensor) torch.Tensor { return even(like) },
		Brownian: func(_ int, _, _ float64, like torch.Tensor) torch.Tensor { return even(like) },
		Both: func(x torch.Tensor, sigma float64) (denoised, negative torch.Tensor, err error) {
			denoised, err = model(x, sigma)
			return denoised, denoised, err
		},
	}
}

// ownLevels are the samplers that choose their noise levels themselves.
var ownLevels = map[string]bool{"dpm_fast": true, "dpm_adaptive": true}

// Guidance moves the state of every step once, and nothing else: what the model sees first in a step is what BeforeStep gave.
func TestGuidanceMovesStatesOnly(t *testing.T) {
	torchtest.Require(t)
	sigmas := []float64{9, 4, 1, 0.3, 0}
	// Of four steps; all others evaluate once a step.
	evaluations := map[string]int{
		"heun": 7, "heunpp2": 9, "dpm_2": 7, "dpm_2_ancestral": 7, "dpmpp_2s_ancestral": 7, "dpmpp_2s_ancestral_cfg_pp": 7,
		"dpmpp_sde": 7, "dpmpp_sde_gpu": 7, "seeds_2": 7, "seeds_3": 10, "sa_solver_pece": 7, "dpm_fast": 4,
	}
	for _, name := range Names() {
		sampler, err := Named(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		var guided, first []float64
		calls, fresh := 0, false
		err = torch.InScope(func() error {
			x := torch.FromFloat64s([]float64{1, 2}, 1, 1, 1, 2)
			model := func(x torch.Tensor, sigma float64) (torch.Tensor, error) {
				calls++
				if fresh {
					first = append(first, x.Float64s()...)
					fresh = false
				}
				return wavy(x, sigma)
			}
			h := constant(0.5, model)
			h.BeforeStep = func(i int, sigma float64, x torch.Tensor) (torch.Tensor, error) {
				x = x.AddScalar(0.1 * float64(i+1))
				guided = append(guided, x.Float64s()...)
				fresh = true
				return x, nil
			}
			h.AfterStep = func(i int, sigma float64, x, denoised torch.Tensor) error {
				if !ownLevels[name] && sigma != sigmas[i] {
					t.Errorf("%s: step %d is reported at sigma %g, it started from %g", name, i, sigma, sigmas[i])
				}
				if got := x.Float64s(); !slices.Equal(got, guided[2*i:]) || denoised.Numel() != 2 {
					t.Errorf("%s: step %d reports state %v, guided was %v", name, i, got, guided[2*i:])
				}
				return nil
			}
			_, err := sampler(model, x, sigmas, h)
			if got := x.Float64s(); !slices.Equal(got, []float64{1, 2}) {
				t.Errorf("%s: changed its input to %v", name, got)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		steps, known := Steps(name, sigmas), Guidable(name) == nil
		if !slices.Equal(guided, first) || known && len(guided) != 2*steps {
			t.Errorf("%s: guided states %v, evaluated ones %v", name, guided, first)
		}
		want := evaluations[name]
		if want == 0 {
			want = 4
		}
		if known && calls != want || !known && calls != len(guided)/2*3 {
			t.Errorf("%s: %d evaluations, expected %d", name, calls, want)
		}
	}
}

// A hundred steps hold no more tensors than sixteen, which are enough for all that a sampler remembers.
func TestSamplersKeepMemoryFlat(t *testing.T) {
	torchtest.Require(t)
	for _, n := range []Noise{discrete(t, StableDiffusion1()), flow(t, 3)} {
		for _, name := range NamesFor(n) {
			sampler, err := Named(name, n)
			if err != nil {
				t.Fatal(err)
			}
			most := func(steps int) int {
				peak := 0
				sigmas, err := Schedule("karras", n, steps)
				if err != nil {
					t.Fatal(err)
				}
				model := func(x torch.Tensor, sigma float64) (torch.Tensor, error) {
					d, err := wavy(x, sigma)
					peak = max(peak, torch.LiveHandles())
					return d, err
				}
				err = torch.InScope(func() error {
					x := torch.FromFloat64s([]float64{1, 2, 3, 4}, 1, 1, 2, 2)
					_, err := sampler(model, x, sigmas, constant(1, model))
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				return peak
			}
			if few, many := most(16), most(100); few != many {
				t.Errorf("%T %s: %d tensors alive at most in 16 steps, %d in 100", n, name, few, many)
			}
		}
	}
}

// An error from any part ends the run at once and leaves nothing alive; so does an operation that panics.
func TestSamplersStopAtOnce(t *testing.T) {
	torchtest.Require(t)
	stop := errors.New("stopped")
	for _, name := range Names() {
		sampler, err := Named(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, where := range []string{"model", "before", "after", "panic"} {
			calls := 0
			before := torch.LiveHandles()
			err := torch.Try(func() error {
				x := torch.FromFloat64s([]float64{1, 2}, 1, 1, 1, 2)
				defer x.Close()
				at := func(part string) error {
					if part != where || calls < 2 {
						return nil
					}
					return stop
				}
				model := func(x torch.Tensor, sigma float64) (torch.Tensor, error) {
					calls++
					if err := at("model"); err != nil {
						return torch.Tensor{}, err
					}
					if at("panic") != nil {
						x.Matmul(x.Reshape(1, 1, 1, 2))
					}
					return wavy(x, sigma)
				}
				h := constant(1, model)
				h.BeforeStep = func(i int, _ float64, x torch.Tensor) (torch.Tensor, error) { return x, at("before") }
				h.AfterStep = func(i int, _ float64, x, denoised torch.Tensor) error { return at("after") }
				_, err := sampler(model, x, []float64{8, 4, 2, 1, 0}, h)
				return err
			})
			var failed *torch.Error
			if !errors.Is(err, stop) && !(where == "panic" && errors.As(err, &failed)) {
				t.Errorf("%s, %s: %v", name, where, err)
			}
			if name == "euler" && where == "before" && !strings.Contains(err.Error(), "step 3: guidance: stopped") {
				t.Errorf("guidance stopped at the third step: %v", err)
			}
			if calls > 3 || where == "model" && calls > 2 { // a step has at most three
				t.Errorf("%s, %s: %d evaluations, the second was to be the last of its step", name, where, calls)
			}
			if after := torch.LiveHandles(); after != before {
				t.Errorf("%s, %s: %d tensors stay alive", name, where, after-before)
			}
		}
	}
}

// A run leaves its result alone, which is a tensor of its own whatever the model gives: here the caller's.
func TestSamplersLeaveTheResult(t *testing.T) {
	torchtest.Require(t)
	all := map[string]Sampler{}
	for _, name := range Names() {
		all[name], _ = Named(name, nil)
	}
	f := flow(t, 3)
	for _, name := range NamesFor(f) {
		if !ownLevels[name] && !strings.HasPrefix(name, "uni_pc") {
			all[name+" of flow"], _ = Named(name, f)
		}
	}
	for name, sampler := range all {
		x, given := torch.FromFloat64s([]float64{1, 2}, 1, 1, 1, 2), torch.FromFloat64s([]float64{3, 4}, 1, 1, 1, 2)
		before := torch.LiveHandles()
		model := func(torch.Tensor, float64) (torch.Tensor, error) { return given, nil }
		out, err := sampler(model, x, []float64{1, 0.5, 0}, constant(1, model))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !ownLevels[name] && !strings.HasPrefix(name, "uni_pc") { // which stop before
			nearAll(t, name, out.Float64s(), []float64{3, 4}) // at sigma 0 it is what the model believes
		}
		out.Close()
		if after := torch.LiveHandles(); after != before || !slices.Equal(given.Float64s(), []float64{3, 4}) {
			t.Errorf("%s: %d tensors stay alive", name, after-before)
		}
		x.Close()
		given.Close()
	}
}

func TestSamplerEdges(t *testing.T) {
	torchtest.Require(t)
	err := torch.InScope(func() error {
		x := torch.FromFloat64s([]float64{1, 2}, 1, 1, 1, 2)
		for _, sigmas := range [][]float64{nil, {3}, {0}} {
			out, err := Euler(wavy, x, sigmas, Hooks{})
			if err != nil || !slices.Equal(out.Float64s(), x.Float64s()) || out == x {
				t.Errorf("no steps %v: %v, %v", sigmas, out, err)
			}
		}
		for _, sigmas := range [][]float64{{1, 2}, {1, 1, 0}, {1, -1}, {math.NaN(), 0}, {math.Inf(1), 0}, {1, math.NaN()}} {
			if _, err := Euler(wavy, x, sigmas, Hooks{}); err == nil {
				t.Errorf("%v was accepted", sigmas)
			}
		}
		for name, want := range map[string]string{"euler_ancestral": "Hooks.Noise", "dpmpp_sde": "Hooks.Brownian", "euler_cfg_pp": "Hooks.Both"} {
			sampler, err := Named(name, nil)
			if err != nil {
				return err
			}
			if _, err := sampler(wavy, x, []float64{1, 0}, Hooks{}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s without hooks: %v", name, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Named("plms", nil); err == nil {
		t.Error("sampler plms was found")
	}
}
