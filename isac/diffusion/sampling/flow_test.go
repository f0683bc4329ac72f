package sampling

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// comfyFlow is what testdata/make_flow.py wrote with ComfyUI's own functions.
type comfyFlow struct {
	Shifts []struct {
		Shift             float64
		Sigmas            []float64
		Schedules         map[string][]float64
		Timesteps, Times  [][2]float64
		X, Latent, Output []float64
		At                []struct {
			Sigma                   float64
			Denoised, Noised, Input []float64
		}
	}
	Ways []way
}

func readFlow(t *testing.T) comfyFlow {
	t.Helper()
	var c comfyFlow
	readJSON(t, "flow.json", &c)
	if len(c.Shifts) != 3 || len(c.Ways) != 6 {
		t.Fatalf("%d shifts and %d ways", len(c.Shifts), len(c.Ways))
	}
	return c
}

func flow(t *testing.T, shift float64) *Flow {
	t.Helper()
	f, err := NewFlow(shift)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Every value is ComfyUI's, to the last bit of float32.
func TestFlowLikeComfyUI(t *testing.T) {
	for _, c := range readFlow(t).Shifts {
		f := flow(t, c.Shift)
		if !slices.Equal(f.Sigmas(), c.Sigmas) {
			for i, want := range c.Sigmas {
				if got := f.Sigmas()[i]; got != want {
					t.Errorf("shift %g: sigma %d is %.9g, expected %.9g", c.Shift, i, got, want)
					break
				}
			}
		}
		if f.SigmaMin() != c.Sigmas[0] || f.SigmaMax() != 1 {
			t.Errorf("shift %g: sigma from %g to %g", c.Shift, f.SigmaMin(), f.SigmaMax())
		}
		for _, p := range c.Timesteps {
			if got := f.Timestep(p[0]); got != p[1] {
				t.Errorf("shift %g: timestep of sigma %g is %.9g, expected %.9g", c.Shift, p[0], got, p[1])
			}
		}
		for _, p := range c.Times {
			if got := f.SigmaAt(p[0]); got != p[1] {
				t.Errorf("shift %g: sigma at %g is %.9g, expected %.9g", c.Shift, p[0], got, p[1])
			}
		}
	}
}

func TestFlowArithmeticLikeComfyUI(t *testing.T) {
	torchtest.Require(t)
	for _, c := range readFlow(t).Shifts {
		f := flow(t, c.Shift)
		err := torch.InScope(func() error {
			tensor := func(v []float64) torch.Tensor { return torch.FromFloat64s(v, 1, 2, 2, 2).To(torch.Float32) }
			same := func(what string, got torch.Tensor, want []float64) {
				for i, v := range got.To(torch.Float64).Float64s() {
					if math.Abs(v-want[i]) > 1e-6*math.Max(1, math.Abs(want[i])) {
						t.Errorf("shift %g: %s: element %d is %.9g, expected %.9g", c.Shift, what, i, v, want[i])
						return
					}
				}
			}
			x, latent, output := tensor(c.X), tensor(c.Latent), tensor(c.Output)
			for _, at := range c.At {
				same("denoised", f.Denoised(x, output, at.Sigma), at.Denoised)
				same("noised", f.Noised(latent, x, at.Sigma), at.Noised)
				same("input", f.Input(x, at.Sigma), at.Input)
				same("output of input", f.Output(f.Input(x, at.Sigma), at.Sigma), c.X)
				same("noise alone", f.Noised(torch.Tensor{}, x, at.Sigma), f.Noised(latent.ZerosLike(), x, at.Sigma).To(torch.Float64).Float64s())
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestFlowSchedulesLikeComfyUI(t *testing.T) {
	for _, c := range readFlow(t).Shifts {
		f := flow(t, c.Shift)
		for key, want := range c.Schedules {
			var name string
			var steps int
			if _, err := fmt.Sscan(key, &name, &steps); err != nil {
				t.Fatal(err)
			}
			got, err := Schedule(name, f, steps)
			if err != nil {
				t.Errorf("%s: %v", key, err)
				continue
			}
			if len(got) > 60 { // the fixture has both ends of long ones
				got = append(got[:5:5], got[len(got)-5:]...)
			}
			nearAll(t, fmt.Sprintf("shift %g %s", c.Shift, key), got, want)
		}
	}
}

// What diffusers' pipeline chose in its run of the tiny model is the normal schedule.
func TestNormalIsWhatDiffusersChooses(t *testing.T) {
	about := fixture.Open(t, "tiny-sd3").About
	got, err := Schedule("normal", flow(t, 3), about.Steps)
	if err != nil {
		t.Fatal(err)
	}
	nearAll(t, "diffusers' sigmas", got, about.Sigmas)
}

func TestEulerAncestralFlowLikeComfyUI(t *testing.T) {
	torchtest.Require(t)
	for _, w := range readFlow(t).Ways {
		err := torch.InScope(func() error {
			steps := 0
			out, err := EulerAncestralFlow(wavy, w.tensor(w.X), w.Sigmas, Hooks{
				BeforeStep: func(i int, sigma float64, x torch.Tensor) (torch.Tensor, error) {
					steps++
					w.compare(t, fmt.Sprintf("state %d", i), x, w.States[i])
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
	if _, err := EulerAncestralFlow(wavy, torch.Tensor{}, []float64{1, 0}, Hooks{}); err == nil {
		t.Error("ancestral sampling without noise was accepted")
	}
}

// An ancestral step keeps the noise at unit variance: what is left of it below, and what is added, make next.
func TestAncestralFlowKeepsVariance(t *testing.T) {
	for _, c := range [][2]float64{{1, 0.9}, {0.8, 0.79}, {0.5, 0.1}, {0.02, 0.001}} {
		down, scale, up := ancestralFlow(c[0], c[1])
		if sum := scale*scale*down*down + up*up; math.Abs(sum-c[1]*c[1]) > 1e-15 || math.Abs(scale*(1-down)-(1-c[1])) > 1e-15 {
			t.Errorf("from %g to %g: down %g, scale %g, up %g", c[0], c[1], down, scale, up)
		}
	}
}

func TestNewFlowRefuses(t *testing.T) {
	for _, shift := range []float64{0, -3, math.NaN(), math.Inf(1)} {
		if _, err := NewFlow(shift); err == nil {
			t.Errorf("shift %g was accepted", shift)
		}
	}
}
