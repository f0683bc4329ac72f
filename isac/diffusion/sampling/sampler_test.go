package sampling

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// The two denoisers of testdata/make_samplers.py, written a second time.

func mixture(x torch.Tensor, sigma float64) (torch.Tensor, error) {
	const width = 0.2 * 0.2
	total := sigma*sigma + width
	component := func(mean, weight float64) (likelihood, posterior torch.Tensor) {
		likelihood = x.SubScalar(mean).PowScalar(2).MulScalar(-1 / (2 * total)).Exp().MulScalar(weight)
		return likelihood, x.MulScalar(width).AddScalar(sigma * sigma * mean).DivScalar(total)
	}
	la, pa := component(-1, 0.3)
	lb, pb := component(0.8, 0.7)
	return la.Mul(pa).Add(lb.Mul(pb)).Div(la.Add(lb).AddScalar(1e-30)), nil
}

func wavy(x torch.Tensor, sigma float64) (torch.Tensor, error) {
	wave := x.MulScalar(3 / math.Sqrt(1+sigma*sigma)).Sin().MulScalar(0.1)
	return x.DivScalar(1 + sigma).Tanh().Add(wave), nil
}

// way is one run of k-diffusion's own samplers.
type way struct {
	Sampler, Denoiser, Schedule, Type string
	Sigmas                            []float64
	Shape                             []int64
	X, Result                         []float64
	Noises, States                    [][]float64
}

func (w way) name() string {
	return fmt.Sprintf("%s %s %s %s", w.Sampler, w.Denoiser, w.Schedule, w.Type)
}

func (w way) tensor(values []float64) torch.Tensor {
	t := torch.FromFloat64s(values, w.Shape...)
	if w.Type == "float32" {
		t = t.To(torch.Float32)
	}
	return t
}

func (w way) compare(t *testing.T, what string, got torch.Tensor, want []float64) {
	t.Helper()
	tolerance := map[string]float64{"float64": 1e-10, "float32": 1e-5}[w.Type]
	for i, g := range got.Float64s() {
		if math.Abs(g-want[i]) > tolerance*math.Max(1, math.Abs(want[i])) {
			t.Errorf("%s: %s: element %d is %.9g, expected %.9g", w.name(), what, i, g, want[i])
			return
		}
	}
}

func TestSamplersLikeKDiffusion(t *testing.T) {
	torchtest.Require(t)
	var ways []way
	readJSON(t, "samplers.json", &ways)
	seen := map[string]bool{}
	denoisers := map[string]Denoiser{"mixture": mixture, "wavy": wavy}
	for _, w := range ways {
		seen[w.Sampler] = true
		sampler, err := Named(w.Sampler)
		if err != nil {
			t.Fatal(err)
		}
		err = torch.InScope(func() error {
			steps := 0
			out, err := sampler(denoisers[w.Denoiser], w.tensor(w.X), w.Sigmas, Hooks{
				BeforeStep: func(i int, sigma float64, x torch.Tensor) (torch.Tensor, error) {
					steps++
					w.compare(t, fmt.Sprintf("state %d", i), x, w.States[i])
					if sigma != w.Sigmas[i] {
						t.Errorf("%s: step %d at sigma %g, expected %g", w.name(), i, sigma, w.Sigmas[i])
					}
					return x, nil
				},
				Noise: func(i int, _ float64, _ torch.Tensor) torch.Tensor { return w.tensor(w.Noises[i]) },
			})
			if err != nil {
				return err
			}
			if steps != len(w.States) {
				t.Errorf("%s: %d steps, expected %d", w.name(), steps, len(w.States))
			}
			w.compare(t, "result", out, w.Result)
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", w.name(), err)
		}
	}
	for _, name := range Names() {
		if !seen[name] && name != "ddim" { // DDIM is Euler, see TestDDIMIsDDIM
			t.Errorf("no fixture for %s", name)
		}
	}
}

// The formula of the DDIM paper, in its own parametrisation, against the sampler.
func TestDDIMIsDDIM(t *testing.T) {
	torchtest.Require(t)
	d := discrete(t, StableDiffusion1())
	sigmas, err := Schedule("ddim_uniform", d, 10)
	if err != nil {
		t.Fatal(err)
	}
	err = torch.InScope(func() error {
		x := torch.FromFloat64s([]float64{14, -3, 0.5, 7}, 1, 1, 2, 2)
		out, err := DDIM(wavy, x, sigmas, Hooks{})
		if err != nil {
			return err
		}
		bar := func(sigma float64) float64 { return 1 / (1 + sigma*sigma) } // ᾱ
		state := x.MulScalar(math.Sqrt(bar(sigmas[0])))                     // X_t
		for i, sigma := range sigmas[:len(sigmas)-1] {
			a, next := bar(sigma), bar(sigmas[i+1])
			x0, err := wavy(state.DivScalar(math.Sqrt(a)), sigma)
			if err != nil {
				return err
			}
			eps := state.Sub(x0.MulScalar(math.Sqrt(a))).DivScalar(math.Sqrt(1 - a))
			state = x0.MulScalar(math.Sqrt(next)).Add(eps.MulScalar(math.Sqrt(1 - next)))
		}
		if diff := out.Sub(state).Abs().MaxAll().Item(); diff > 1e-9 {
			t.Errorf("differs from equation 12 by %g", diff)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Guidance moves the state of every step once, and nothing else: what the model sees first in a step is what BeforeStep gave.
func TestGuidanceMovesStatesOnly(t *testing.T) {
	torchtest.Require(t)
	sigmas := []float64{9, 4, 1, 0.3, 0}
	evaluations := map[string]int{"euler": 4, "euler_ancestral": 4, "ddim": 4, "dpmpp_2m": 4, "heun": 7}
	for _, name := range Names() {
		sampler, err := Named(name)
		if err != nil {
			t.Fatal(err)
		}
		var guided, first []float64
		calls, fresh := 0, false
		err = torch.InScope(func() error {
			x := torch.FromFloat64s([]float64{1, 2}, 1, 1, 1, 2)
			_, err := sampler(func(x torch.Tensor, sigma float64) (torch.Tensor, error) {
				calls++
				if fresh {
					first = append(first, x.Float64s()...)
					fresh = false
				}
				return wavy(x, sigma)
			}, x, sigmas, Hooks{
				BeforeStep: func(i int, sigma float64, x torch.Tensor) (torch.Tensor, error) {
					x = x.AddScalar(0.1 * float64(i+1))
					guided = append(guided, x.Float64s()...)
					fresh = true
					return x, nil
				},
				AfterStep: func(i int, sigma float64, x, denoised torch.Tensor) error {
					if got := x.Float64s(); !slices.Equal(got, guided[2*i:]) || denoised.Numel() != 2 {
						t.Errorf("%s: step %d reports state %v, guided was %v", name, i, got, guided[2*i:])
					}
					return nil
				},
				Noise: func(i int, _ float64, like torch.Tensor) torch.Tensor { return like.MulScalar(0).AddScalar(0.5) },
			})
			if got := x.Float64s(); !slices.Equal(got, []float64{1, 2}) {
				t.Errorf("%s: changed its input to %v", name, got)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !slices.Equal(guided, first) || len(guided) != 8 {
			t.Errorf("%s: guided states %v, evaluated ones %v", name, guided, first)
		}
		if calls != evaluations[name] {
			t.Errorf("%s: %d evaluations, expected %d", name, calls, evaluations[name])
		}
	}
}

// A hundred steps hold no more tensors than three.
func TestSamplersKeepMemoryFlat(t *testing.T) {
	torchtest.Require(t)
	for _, name := range Names() {
		sampler, err := Named(name)
		if err != nil {
			t.Fatal(err)
		}
		most := func(steps int) int {
			peak := 0
			d := discrete(t, StableDiffusion1())
			sigmas, err := Schedule("karras", d, steps)
			if err != nil {
				t.Fatal(err)
			}
			err = torch.InScope(func() error {
				x := torch.FromFloat64s([]float64{1, 2, 3, 4}, 1, 1, 2, 2)
				_, err := sampler(func(x torch.Tensor, sigma float64) (torch.Tensor, error) {
					d, err := wavy(x, sigma)
					peak = max(peak, torch.LiveHandles())
					return d, err
				}, x, sigmas, Hooks{Noise: func(_ int, _ float64, like torch.Tensor) torch.Tensor { return like.OnesLike() }})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return peak
		}
		if few, many := most(3), most(100); few != many {
			t.Errorf("%s: %d tensors alive at most in 3 steps, %d in 100", name, few, many)
		}
	}
}

// An error from any part ends the run at once and leaves nothing alive; so does an operation that panics.
func TestSamplersStopAtOnce(t *testing.T) {
	torchtest.Require(t)
	stop := errors.New("stopped")
	for _, name := range Names() {
		sampler, err := Named(name)
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
				_, err := sampler(func(x torch.Tensor, sigma float64) (torch.Tensor, error) {
					calls++
					if err := at("model"); err != nil {
						return torch.Tensor{}, err
					}
					if at("panic") != nil {
						x.Matmul(x.Reshape(1, 1, 1, 2))
					}
					return wavy(x, sigma)
				}, x, []float64{8, 4, 2, 1, 0}, Hooks{
					BeforeStep: func(i int, _ float64, x torch.Tensor) (torch.Tensor, error) { return x, at("before") },
					AfterStep:  func(i int, _ float64, x, denoised torch.Tensor) error { return at("after") },
					Noise:      func(_ int, _ float64, like torch.Tensor) torch.Tensor { return like.OnesLike() },
				})
				return err
			})
			var failed *torch.Error
			if !errors.Is(err, stop) && !(where == "panic" && errors.As(err, &failed)) {
				t.Errorf("%s, %s: %v", name, where, err)
			}
			if calls > 2 {
				t.Errorf("%s, %s: %d evaluations, expected at most 2", name, where, calls)
			}
			if after := torch.LiveHandles(); after != before {
				t.Errorf("%s, %s: %d tensors stay alive", name, where, after-before)
			}
		}
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
		if _, err := EulerAncestral(wavy, x, []float64{1, 0}, Hooks{}); err == nil {
			t.Error("ancestral sampling without noise was accepted")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Named("plms"); err == nil {
		t.Error("sampler plms was found")
	}
}

// For both kinds of networks: from x0 and ε, what a perfect network puts out is turned back into x0.
func TestPredictions(t *testing.T) {
	torchtest.Require(t)
	err := torch.InScope(func() error {
		x0 := torch.FromFloat64s([]float64{1, -2, 0.5}, 1, 1, 1, 3)
		eps := torch.FromFloat64s([]float64{0.3, 1, -1}, 1, 1, 1, 3)
		for _, sigma := range []float64{0.03, 1, 14.6} {
			x := x0.Add(eps.MulScalar(sigma))
			alpha, rest := 1/math.Sqrt(1+sigma*sigma), sigma/math.Sqrt(1+sigma*sigma) // √ᾱ, √(1−ᾱ)
			outputs := map[Prediction]torch.Tensor{Epsilon: eps, V: eps.MulScalar(alpha).Sub(x0.MulScalar(rest))}
			for p, output := range outputs {
				if diff := p.Denoised(x, output, sigma).Sub(x0).Abs().MaxAll().Item(); diff > 1e-12 {
					t.Errorf("%s at sigma %g: x0 is off by %g", p, sigma, diff)
				}
			}
			want := x0.MulScalar(alpha).Add(eps.MulScalar(rest))
			if diff := Input(x, sigma).Sub(want).Abs().MaxAll().Item(); diff > 1e-12 {
				t.Errorf("input at sigma %g is off by %g", sigma, diff)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := PredictionNamed("v_prediction"); p != V || err != nil {
		t.Errorf("%s, %v", p, err)
	}
	if _, err := PredictionNamed("sample"); err == nil {
		t.Error("prediction of x0 was accepted")
	}
}

func TestNoised(t *testing.T) {
	torchtest.Require(t)
	d := discrete(t, StableDiffusion1())
	err := torch.InScope(func() error {
		noise, latent := torch.FromFloat64s([]float64{2}, 1), torch.FromFloat64s([]float64{10}, 1)
		for _, c := range []struct {
			latent torch.Tensor
			sigma  float64
			want   float64
		}{
			{torch.Tensor{}, d.SigmaMax(), 2 * math.Sqrt(1+d.SigmaMax()*d.SigmaMax())},
			{latent, d.SigmaMax() * 2, 2*math.Sqrt(1+4*d.SigmaMax()*d.SigmaMax()) + 10},
			{latent, 3, 16},
		} {
			if got := d.Noised(c.latent, noise, c.sigma).Item(); math.Abs(got-c.want) > 1e-9 {
				t.Errorf("sigma %g: %g, expected %g", c.sigma, got, c.want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
