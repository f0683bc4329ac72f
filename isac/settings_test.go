package isac

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/cluster"
	"github.com/isac-guidance/isac/isac/guidance"
)

func TestWithSetsByJSONNames(t *testing.T) {
	got, err := guidance.With(Typed(), map[string]string{
		"eta": "0.05", "end": "0.3", "schedule": "C", "overlap": "kl", "clustering": "gmm", "direction": "random",
		"direction_seed": "18446744073709551615", "upsample_norm": "false", "schedule_in_window": "true",
		"kmeans.restarts": "2", "kmeans.warm": "false", "kmeans.seed": "7", "coordinate_weight": "1e-1",
	})
	want := Typed()
	want.Eta, want.End, want.Schedule, want.Overlap, want.Clustering, want.Direction = 0.05, 0.3, ScheduleC, OverlapKL, cluster.GMM, guidance.DirectionRandom
	want.DirectionSeed, want.UpsampleNorm, want.ScheduleInWindow, want.CoordinateWeight = 1<<64-1, false, true, 0.1
	want.KMeans = cluster.Options{Seed: 7, Iterations: 25, Restarts: 2}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if got, err := guidance.With(Paper(), nil); err != nil || got != Paper() {
		t.Errorf("no settings give %+v, %v", got, err)
	}
}

// TestWithKnowsEveryOption holds that each leaf of the options' JSON can be set to what it says, so that no new option is forgotten.
func TestWithKnowsEveryOption(t *testing.T) {
	text, err := json.Marshal(Paper())
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	if err := decoder.Decode(&tree); err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	var walk func(prefix string, tree map[string]any)
	walk = func(prefix string, tree map[string]any) {
		for name, v := range tree {
			if branch, is := v.(map[string]any); is {
				walk(prefix+name+".", branch)
				continue
			}
			settings[prefix+name] = fmt.Sprint(v)
		}
	}
	walk("", tree)
	if names := guidance.SettingNames(Typed()); len(names) != len(settings) {
		t.Errorf("settings are %v, the JSON has %v", names, settings)
	}
	if got, err := guidance.With(Typed(), settings); err != nil || got != Paper() {
		t.Errorf("typed with everything of paper is %+v, %v", got, err)
	}
}

func TestWithReportsAll(t *testing.T) {
	o := Typed()
	got, err := guidance.With(o, map[string]string{
		"Eta": "1", "eta": "fast", "kmeans": "4", "kmeans.iterations": "2.5", "kmeans.warm": "1", "direction_seed": "-1", "schedule": "Z", "end": "2",
	})
	for _, want := range []string{
		`no option is called "Eta"`, `option eta is "fast": it must be a number`, `no option is called "kmeans"`, "coordinate_weight", "kmeans.seed",
		`option kmeans.iterations is "2.5": it must be a whole number`, `option kmeans.warm is "1": it must be true or false`,
		`option direction_seed is "-1"`, `schedule is "Z", it must be one of A`, "the window of steps is 0 to 2",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the errors do not say %q:\n%v", want, err)
		}
	}
	if got != o {
		t.Errorf("after an error the options are %+v", got)
	}
	for _, text := range []string{"NaN", "Inf", "", " 1", "0"} {
		if _, err := guidance.With(o, map[string]string{"eta": text}); err == nil {
			t.Errorf("eta %q is taken", text)
		}
	}
}

// TestSettingsForEditors holds what an editor is told of numbers and choices.
func TestSettingsForEditors(t *testing.T) {
	byName := map[string]guidance.Setting{}
	for _, s := range guidance.Settings(Paper()) {
		byName[s.Name] = s
	}
	if s := byName["end"]; s.Most != 1 || s.Step != 0 || s.Value != 1.0 {
		t.Errorf("end is %+v", s)
	}
	if s := byName["eta"]; s.Most != 0 || s.Step != 0.001 || s.Value != 0.01 || s.Help == "" {
		t.Errorf("eta is %+v", s)
	}
	if s := byName["overlap"]; strings.Join(s.Choices, " ") != "mpo mae kl iou" {
		t.Errorf("overlap is %+v", s)
	}
}
