package sampling

import (
	"fmt"
	"math"
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
	Kind, Sampler, Denoiser, Schedule, Type string // Kind is empty in k-diffusion's
	Guided                                  bool   // the state of step i is moved by 0.05·(i+1)
	Sigmas                                  []float64
	Shape                                   []int64
	X, Result                               []float64
	Noises, States                          [][]float64
}

func (w way) name() string {
	return fmt.Sprintf("%s guided %t %s %s %s %s", w.Kind, w.Guided, w.Sampler, w.Denoiser, w.Schedule, w.Type)
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
	w.within(t, what, got, want, map[string]float64{"float64": 1e-10, "float32": 1e-5}[w.Type])
}

// within compares to a tolerance, in parts of numbers above 1.
func (w way) within(t *testing.T, what string, got torch.Tensor, want []float64, tolerance float64) {
	t.Helper()
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
		sampler, err := Named(w.Sampler, nil)
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
	if len(seen) != 4 {
		t.Errorf("the fixture has %v", seen)
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
