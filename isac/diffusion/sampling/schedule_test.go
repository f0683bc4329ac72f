package sampling

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
)

// comfySchedules is what testdata/make_comfyui_schedules.py wrote.
type comfySchedules struct {
	Kinds map[string]struct {
		Schedules map[string][]float64
		Beta      [][2]float64
	}
	KSampler  [][]json.RawMessage
	Quantiles [][2]float64
}

func kindsOfNoise(t *testing.T) map[string]Noise {
	t.Helper()
	return map[string]Noise{"discrete": discrete(t, StableDiffusion1()), "flow": flow(t, 3), "unshifted": flow(t, 1)}
}

// closeTo compares noise levels to within 1e-5 of themselves, and of the smallest that models know.
func closeTo(got, want float64) bool { return math.Abs(got-want) <= 1e-5*math.Max(want, 1e-3) }

func sameLevels(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d levels, expected %d", what, len(got), len(want))
		return
	}
	for i := range want {
		if !closeTo(got[i], want[i]) {
			t.Errorf("%s: level %d is %.9g, expected %.9g", what, i, got[i], want[i])
			return
		}
	}
}

func TestEveryScheduleLikeComfyUI(t *testing.T) {
	var c comfySchedules
	readJSON(t, "comfyui_schedules.json", &c)
	for kind, n := range kindsOfNoise(t) {
		seen := map[string]bool{}
		for key, want := range c.Kinds[kind].Schedules {
			var name string
			var steps int
			if _, err := fmt.Sscan(key, &name, &steps); err != nil {
				t.Fatal(err)
			}
			seen[name] = true
			got, err := Schedule(name, n, steps)
			if err != nil {
				t.Errorf("%s %s: %v", kind, key, err)
				continue
			}
			if len(got) >= 60 { // the fixture has both ends of long ones
				got = append(got[:5:5], got[len(got)-5:]...)
			}
			sameLevels(t, kind+" "+key, got, want)
		}
		if len(seen) != 9 || len(seen) != len(ScheduleNames()) {
			t.Errorf("%s: the fixture has %v, expected all of %v", kind, seen, ScheduleNames())
		}
	}
}

// Timesteps of beta are rounded: no number of steps may fall on the other side of a half.
func TestBetaLikeComfyUI(t *testing.T) {
	var c comfySchedules
	readJSON(t, "comfyui_schedules.json", &c)
	for _, q := range c.Quantiles {
		if got := betaQuantile(q[0]); math.Abs(got-q[1]) > 1e-9*math.Max(q[1], 1e-3) {
			t.Errorf("quantile at %g is %.12g, SciPy's is %.12g", q[0], got, q[1])
		}
	}
	for kind, n := range kindsOfNoise(t) {
		for i, want := range c.Kinds[kind].Beta {
			got, err := Schedule("beta", n, i+1)
			if err != nil {
				t.Fatal(err)
			}
			sum := 0.0
			for _, s := range got {
				sum += s
			}
			if float64(len(got)) != want[0] || math.Abs(sum-want[1]) > 1e-6*want[1] {
				t.Errorf("%s, %d steps: %d levels that sum up to %.10g, expected %g and %.10g", kind, i+1, len(got), sum, want[0], want[1])
			}
		}
	}
}

// KSampler's noise levels by sampler, scheduler, steps and denoise.
func TestScheduleForLikeComfyUI(t *testing.T) {
	var c comfySchedules
	readJSON(t, "comfyui_schedules.json", &c)
	kinds := kindsOfNoise(t)
	for _, row := range c.KSampler {
		var kind, sampler, name string
		var steps int
		var denoise float64
		var want []float64
		for i, to := range []any{&kind, &sampler, &name, &steps, &denoise, &want} {
			if err := json.Unmarshal(row[i], to); err != nil {
				t.Fatal(err)
			}
		}
		what := fmt.Sprintf("%s %s %s, %d steps at denoise %g", kind, sampler, name, steps, denoise)
		got, err := ScheduleFor(sampler, name, kinds[kind], steps, denoise)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		sameLevels(t, what, got, want)
	}
	if len(c.KSampler) != 360 {
		t.Errorf("%d rows", len(c.KSampler))
	}
}

func TestScheduleForRefuses(t *testing.T) {
	d := discrete(t, StableDiffusion1())
	for _, c := range []struct {
		sampler string
		steps   int
		denoise float64
		want    string
	}{
		{"uni_pc", 1000, 1, "1000 steps with sampler uni_pc, expected 1 to 999"},
		{"dpm_2", 0, 1, "0 steps"},
		{"dpm_2", 500, 0.5, "expected 1 to 999"},
		{"euler", 1001, 1, "1 to 1000"},
		{"dpm_fast", 1, 1, "sampler dpm_fast stops at the last noise level above 0"},
		{"dpm_adaptive", 1, 0.5, "take at least 2 steps"},
	} {
		if _, err := ScheduleFor(c.sampler, "normal", d, c.steps, c.denoise); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %d steps at denoise %g: %v, expected %q", c.sampler, c.steps, c.denoise, err, c.want)
		}
	}
}

// A schedule of one step goes from the highest noise level to 0, where it is ComfyUI's or where that has none.
func TestOneStep(t *testing.T) {
	for kind, n := range kindsOfNoise(t) {
		for _, name := range ScheduleNames() {
			got, err := Schedule(name, n, 1)
			if err != nil || len(got) != 2 || got[1] != 0 || name != "ddim_uniform" && !closeTo(got[0], n.SigmaMax()) {
				t.Errorf("%s %s: %v, %v", kind, name, got, err)
			}
		}
	}
}
