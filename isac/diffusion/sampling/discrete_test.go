package sampling

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// comfy is what testdata/make_schedules.py wrote with ComfyUI's own functions.
type comfy struct {
	Betas      string
	Start, End float64
	Sigmas     []float64
	Schedules  map[string][]float64
	Timesteps  [][2]float64
	Times      [][2]float64
	ZeroSNR    []float64 `json:"zero_snr"`
}

func readJSON(t *testing.T, name string, to any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, to); err != nil {
		t.Fatal(err)
	}
}

func discrete(t *testing.T, b Betas) *Discrete {
	t.Helper()
	d, err := NewDiscrete(b, Epsilon)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// near compares to within what ComfyUI's float32 arithmetic loses; the seventh power in karras makes it ten times float32's resolution.
func near(got, want float64) bool { return math.Abs(got-want) <= 2e-6*math.Max(math.Abs(want), 1e-3) }

func nearAll(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d values, expected %d", what, len(got), len(want))
		return
	}
	for i := range want {
		if !near(got[i], want[i]) {
			t.Errorf("%s: value %d is %.9g, expected %.9g", what, i, got[i], want[i])
			return
		}
	}
}

func TestDiscreteLikeComfyUI(t *testing.T) {
	var all []comfy
	readJSON(t, "schedules.json", &all)
	if len(all) != 2 {
		t.Fatalf("%d kinds of betas", len(all))
	}
	for _, c := range all {
		d := discrete(t, Betas{Schedule: c.Betas, Start: c.Start, End: c.End, Timesteps: 1000})
		nearAll(t, c.Betas+" sigmas", d.Sigmas(), c.Sigmas)
		for _, p := range c.Timesteps {
			if got := d.Timestep(p[0]); got != p[1] {
				t.Errorf("%s: timestep of sigma %g is %g, expected %g", c.Betas, p[0], got, p[1])
			}
		}
		for _, p := range c.Times {
			if got := d.SigmaAt(p[0]); !near(got, p[1]) {
				t.Errorf("%s: sigma at %g is %g, expected %g", c.Betas, p[0], got, p[1])
			}
		}
		if c.ZeroSNR != nil {
			z := discrete(t, Betas{Schedule: c.Betas, Start: c.Start, End: c.End, Timesteps: 1000, ZeroSNR: true})
			nearAll(t, c.Betas+" with zero SNR", z.Sigmas(), c.ZeroSNR)
		}
	}
}

func TestSchedulesLikeComfyUI(t *testing.T) {
	var all []comfy
	readJSON(t, "schedules.json", &all)
	seen := map[string]bool{}
	for _, c := range all {
		d := discrete(t, Betas{Schedule: c.Betas, Start: c.Start, End: c.End, Timesteps: 1000})
		for key, want := range c.Schedules {
			var name string
			var steps int
			if _, err := fmt.Sscan(key, &name, &steps); err != nil {
				t.Fatal(err)
			}
			seen[name] = true
			got, err := Schedule(name, d, steps)
			if err != nil {
				t.Errorf("%s: %v", key, err)
				continue
			}
			if len(got) > 200 { // the fixture has both ends of long ones
				got = append(got[:5:5], got[len(got)-5:]...)
			}
			nearAll(t, c.Betas+" "+key, got, want)
		}
	}
	if len(seen) != 4 { // TestEveryScheduleLikeComfyUI has all
		t.Errorf("the fixture has %v", seen)
	}
}

func TestTimestepIsTheInverseOfSigmaAt(t *testing.T) {
	d := discrete(t, StableDiffusion1())
	for i := range d.Sigmas() {
		if got := d.Timestep(d.SigmaAt(float64(i))); got != float64(i) {
			t.Fatalf("timestep %d comes back as %g", i, got)
		}
	}
	if !near(d.SigmaMax(), 14.614646) || !near(d.SigmaMin(), 0.029167158) {
		t.Errorf("sigma from %g to %g", d.SigmaMin(), d.SigmaMax())
	}
}

func TestPartialSchedule(t *testing.T) {
	d := discrete(t, StableDiffusion1())
	full, err := Schedule("karras", d, 40)
	if err != nil {
		t.Fatal(err)
	}
	half, err := PartialSchedule("karras", d, 20, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	nearAll(t, "half", half, full[20:])
	almost, err := PartialSchedule("karras", d, 300, 0.995) // of 301 steps the last 300
	if err != nil {
		t.Fatal(err)
	}
	if full, err = Schedule("karras", d, 301); err != nil {
		t.Fatal(err)
	}
	nearAll(t, "almost all", almost, full[1:])
	if one, err := PartialSchedule("normal", d, 20, 1); err != nil || len(one) != 21 {
		t.Errorf("denoise 1: %d levels, %v", len(one), err)
	}
}

func TestScheduleRefuses(t *testing.T) {
	d := discrete(t, StableDiffusion1())
	for _, c := range []struct {
		name    string
		steps   int
		denoise float64
		want    string
	}{
		{"karas", 20, 1, "beta, ddim_uniform, exponential, karras, kl_optimal, linear_quadratic, normal, sgm_uniform, simple"},
		{"karras", 0, 1, "0 steps"},
		{"karras", 1001, 1, "1 to 1000"},
		{"karras", 20, 0, "denoise 0"},
		{"karras", 20, math.NaN(), "denoise NaN"},
		{"karras", 20, 1.5, "denoise 1.5"},
		{"karras", 100, 0.01, "fewer steps"},
		{"karras", 100, 1e-300, "fewer steps"},
	} {
		if _, err := PartialSchedule(c.name, d, c.steps, c.denoise); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %d steps, denoise %g: %v, expected %q", c.name, c.steps, c.denoise, err, c.want)
		}
	}
}

// TestConstantBetas holds that β may be the same at all timesteps: then 1−ᾱ_t = 1−(1−β)^(t+1).
func TestConstantBetas(t *testing.T) {
	for _, schedule := range []string{"linear", "scaled_linear"} {
		d := discrete(t, Betas{Schedule: schedule, Start: 0.02, End: 0.02, Timesteps: 3})
		for i, got := range d.Sigmas() {
			kept := math.Pow(0.98, float64(i+1))
			if want := math.Sqrt((1 - kept) / kept); !near(got, want) {
				t.Errorf("%s: sigma %d is %g, expected %g", schedule, i, got, want)
			}
		}
	}
}

func TestNewDiscreteRefuses(t *testing.T) {
	for _, b := range []Betas{
		{},
		{Schedule: "cosine", Start: 0.1, End: 0.2, Timesteps: 10},
		{Schedule: "linear", Start: 0, End: 0.2, Timesteps: 10},
		{Schedule: "linear", Start: 0.3, End: 0.2, Timesteps: 10},
		{Schedule: "linear", Start: 0.1, End: 1, Timesteps: 10},
		{Schedule: "linear", Start: math.NaN(), End: 0.1, Timesteps: 10},
		{Schedule: "linear", Start: 0.1, End: 0.2, Timesteps: 1},
	} {
		if _, err := NewDiscrete(b, Epsilon); err == nil {
			t.Errorf("%+v was accepted", b)
		}
	}
}
