package isac

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/prompt"
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
	if Default() != Typed() {
		t.Error("the default is not typed")
	}
	if _, err := Preset("best"); err == nil || !strings.Contains(err.Error(), "typed or paper") {
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
	bad := Options{Eta: math.NaN(), StepRule: "big", SelfNorm: "x", CrossNorm: "y", Schedule: "F", TokenMerge: "sum", Start: 0.5, End: 0.5, CoordinateWeight: -1, LossScale: -1, Overlap: "dice", Clustering: "dbscan"}
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
	} {
		o := Typed()
		change(&o)
		if o.Validate() == nil {
			t.Errorf("%+v is taken as valid", o)
		}
	}
}

func TestTargetValidate(t *testing.T) {
	bad := Target{Classes: []Class{{Name: "cat", Count: 0, Tokens: []int{1, 2}}, {Name: "dog", Count: 1}, {Count: 1, Tokens: []int{-1, 2}}}}
	err := bad.Validate()
	for _, want := range []string{"cat: count is 0", "dog: no token positions", "class 3: token position -1 is negative", "class 3: token position 2 belongs to cat already"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the errors do not say %q:\n%v", want, err)
		}
	}
	if err := (Target{}).Validate(); err == nil || !strings.Contains(err.Error(), "names no class") {
		t.Errorf("an empty target gives %v", err)
	}
	good := Target{Classes: []Class{{Name: "cat", Count: 2, Tokens: []int{5}}, {Name: "dog", Count: 1, Tokens: []int{8, 9}}}}
	if err := good.Validate(); err != nil || good.Instances() != 3 {
		t.Errorf("%v, %d instances, want a valid target of 3", err, good.Instances())
	}
}

func TestNewSessionReportsAll(t *testing.T) {
	o := Typed()
	o.Eta, o.CrossNorm = -1, CrossSoftmax
	_, err := NewSession(nil, Target{Classes: []Class{{Name: "cat", Tokens: []int{0}}}}, o)
	for _, want := range []string{"no model", "count is 0", "eta is -1", "token position 0 is left out"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the errors do not say %q:\n%v", want, err)
		}
	}
}

func TestTargetFromPrompt(t *testing.T) {
	text := "two red apples, a dog and one green apple"
	// One token a word, behind the beginning of text.
	spans := [][2]int{{}}
	at := 0
	for _, w := range strings.Fields(text) {
		i := at + strings.Index(text[at:], w)
		spans = append(spans, [2]int{i, i + len(strings.TrimSuffix(w, ","))})
		at = i + len(w)
	}
	spans = append(spans, [2]int{}, [2]int{})
	got, err := TargetFromPrompt(prompt.Parse(text), spans)
	want := Target{Classes: []Class{{Name: "apple", Count: 3, Tokens: []int{3, 9}}, {Name: "dog", Count: 1, Tokens: []int{5}}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("target %+v, %v, want %+v", got, err, want)
	}
	if _, err := TargetFromPrompt(prompt.Parse(text), spans[:6]); err == nil || !strings.Contains(err.Error(), `the class "apple"`) {
		t.Errorf("a cut prompt gives %v, want an error that names the class", err)
	}
	if _, err := TargetFromPrompt(prompt.Parse("a nice day"), spans); !errors.Is(err, prompt.ErrNoClass) {
		t.Errorf("a prompt without a class gives %v, want ErrNoClass", err)
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

// TestWindow checks which steps are guided, and the schedule compressed into them.
func TestWindow(t *testing.T) {
	for _, tt := range []struct {
		start, end         float64
		count, first, stop int
	}{
		{0, 1, 20, 0, 20}, {0, 0.5, 20, 0, 10}, {0, 0.5, 5, 0, 3}, {0.2, 0.5, 10, 2, 5}, {0.1, 0.2, 30, 3, 6}, {0.9, 1, 4, 4, 4}, {0, 0.01, 20, 0, 1},
		{0.07, 0.14, 100, 7, 14}, // both products are a little too large in floating point

	} {
		o := Options{Start: tt.start, End: tt.end}
		if first, stop := o.window(tt.count); first != tt.first || stop != tt.stop {
			t.Errorf("window %v to %v of %d steps: %d to %d, want %d to %d", tt.start, tt.end, tt.count, first, stop, tt.first, tt.stop)
		}
	}
	o := Options{Start: 0.2, End: 0.6, Schedule: ScheduleE, ScheduleInWindow: true}
	for i, want := range map[int]float64{2: 1, 3: 0.75, 5: 0.25} {
		if instance, _ := o.weights(Step{Index: i, Count: 10}); instance != want {
			t.Errorf("weight at step %d is %v, want %v", i, instance, want)
		}
	}
}
