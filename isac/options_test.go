package isac

import (
	"math"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/guidance"
)

func TestPresets(t *testing.T) {
	for name, want := range map[string]Options{"paper": Paper(), "Typed": Typed(), "": Default(), "default": Default()} {
		got, err := Preset(name)
		if err != nil || got != want {
			t.Errorf("Preset(%q) = %+v, %v", name, got, err)
		}
		if err := got.Validate(); err != nil {
			t.Errorf("preset %q is not valid: %v", name, err)
		}
	}
	// docs: typed steps are taken in the first half of the run, the paper's at every timestep.
	if first, end := Typed().Window(20); first != 0 || end != 10 {
		t.Errorf("typed guides steps %d to %d of 20", first, end)
	}
	if first, end := Paper().Window(20); first != 0 || end != 20 {
		t.Errorf("paper guides steps %d to %d of 20", first, end)
	}
	// docs/evidence.md: the default separates classes alone.
	if o := Typed(); Default() != Classes() || o == Classes() {
		t.Error("the default is not classes, or that is typed")
	} else if o.Schedule = ScheduleB; o != Classes() {
		t.Error("classes is not typed with schedule B")
	}
	if _, err := Preset("best"); err == nil || !strings.Contains(err.Error(), "classes, typed, paper") {
		t.Errorf("an unknown preset gives %v, want an error that names the known ones", err)
	}
	for _, name := range PresetNames() {
		if _, err := Preset(name); err != nil {
			t.Error(err)
		}
	}
}

// TestValidateReportsAll holds that every mistake of a set of options is named.
func TestValidateReportsAll(t *testing.T) {
	bad := Options{
		Options:  guidance.Options{Eta: math.NaN(), StepRule: "big", Start: 0.5, End: 0.5, LossScale: -1},
		SelfNorm: "x", CrossNorm: "y", Schedule: "F", TokenMerge: "sum", CoordinateWeight: -1, Overlap: "dice", Clustering: "dbscan",
	}
	err := bad.Validate()
	for _, want := range []string{
		"eta is NaN", `step rule is "big", it must be one of raw, relative`, "self-attention normalisation", "cross-attention normalisation",
		"one of A, B, C, D, E", "one of mean, max", "0.5 to 0.5", "coordinate weight is -1", "iterations are 0", "restarts are 0", "loss scale is -1",
		`overlap is "dice", it must be one of mpo, mae, kl, iou`, `clustering is "dbscan", it must be one of kmeans, spectral, gmm`,
		`direction is "", it must be one of gradient, random`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the errors do not say %q:\n%v", want, err)
		}
	}
	for _, change := range []func(*Options){
		func(o *Options) { o.Eta = 0 }, func(o *Options) { o.Eta = math.Inf(1) }, func(o *Options) { o.End = 1.5 },
		func(o *Options) { o.Start = -0.1 }, func(o *Options) { o.Start = math.NaN() }, func(o *Options) { o.CoordinateWeight = math.NaN() },
		func(o *Options) { o.CoordinateWeight = math.Inf(1) }, func(o *Options) { o.LossScale = math.Inf(1) },
	} {
		o := Typed()
		change(&o)
		if o.Validate() == nil {
			t.Errorf("%+v is taken as valid", o)
		}
	}
	for _, change := range []func(*Options){ // the ends of what is allowed
		func(o *Options) { o.CoordinateWeight = 0 }, func(o *Options) { o.Start, o.End = 0, 1 }, func(o *Options) { o.KMeans.Iterations, o.KMeans.Restarts = 1, 1 },
	} {
		o := Typed()
		change(&o)
		if err := o.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenReportsAll(t *testing.T) {
	o := Typed()
	o.Eta, o.CrossNorm = -1, CrossSoftmax
	_, err := guidance.Open(guidance.Config{Method: o, Target: guidance.Target{Classes: []guidance.Class{{Name: "cat", Tokens: []int{0}}}}})
	for _, want := range []string{"needs a model", "count is 0", "eta is -1", "token position 0 is left out"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the errors do not say %q:\n%v", want, err)
		}
	}
}

// TestSchedules checks the weights of Table 2 over a run of four: t/T is 1, 3/4, 1/2, 1/4.
func TestSchedules(t *testing.T) {
	for s, want := range map[Schedule][4][2]float64{
		ScheduleA: {{1, 0}, {1, 0}, {1, 0}, {1, 0}},
		ScheduleB: {{0, 1}, {0, 1}, {0, 1}, {0, 1}},
		ScheduleC: {{0.5, 0.5}, {0.5, 0.5}, {0.5, 0.5}, {0.5, 0.5}},
		ScheduleD: {{0, 1}, {0.25, 0.75}, {0.5, 0.5}, {0.75, 0.25}},
		ScheduleE: {{1, 0}, {0.75, 0.25}, {0.5, 0.5}, {0.25, 0.75}},
	} {
		for i, w := range want {
			if instance, class := s.Weights(i, 4); instance != w[0] || class != w[1] {
				t.Errorf("schedule %s at step %d of 4: %v and %v, want %v", s, i, instance, class, w)
			}
		}
	}
}

// TestScheduleInWindow checks the schedule compressed into the guided steps; other steps, which may be measured, have the whole run's.
func TestScheduleInWindow(t *testing.T) {
	o := Options{Options: guidance.Options{Start: 0.2, End: 0.6}, Schedule: ScheduleE, ScheduleInWindow: true}
	for i, want := range map[int]float64{2: 1, 3: 0.75, 5: 0.25, 1: 0.9, 6: 0.4} {
		if instance, _ := o.weights(guidance.Step{Index: i, Count: 10}); instance != want {
			t.Errorf("weight at step %d is %v, want %v", i, instance, want)
		}
	}
}
