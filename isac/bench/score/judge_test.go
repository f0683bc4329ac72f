package score

import (
	"testing"

	"github.com/isac-guidance/isac/isac/bench/detect"
)

// at is a detection with a box of a width and height at a place.
func at(class string, x, y, w, h float64) detect.Detection {
	return detect.Detection{Class: class, Score: 0.9, Box: detect.Box{X0: x, Y0: y, X1: x + w, Y1: y + h}}
}

// both has two detectors see the same.
func both(list ...detect.Detection) map[string][]detect.Detection {
	return map[string][]detect.Detection{"a": list, "b": list}
}

func want(pairs ...any) []Wanted {
	var out []Wanted
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, Wanted{pairs[i].(string), pairs[i+1].(int)})
	}
	return out
}

// TestJudge holds pictures that were judged by hand. Objects stand 10 px wide in rows 20 px apart unless they are to overlap.
func TestJudge(t *testing.T) {
	cat, cat2, cat3 := at("cat", 0, 0, 10, 10), at("cat", 20, 0, 10, 10), at("cat", 40, 0, 10, 10)
	dog, cow := at("dog", 0, 20, 10, 10), at("cow", 20, 20, 10, 10)
	for name, c := range map[string]struct {
		task   string
		wanted []Wanted
		found  map[string][]detect.Detection
		want   Scores
	}{
		"all there": {TaskMultiClass, want("cat", 1, "dog", 1), both(cat, dog),
			Scores{Ratio: 1, Found: 2, AllPresent: true, Exact: true, CompBench: 1}},
		"two of five, the paper's example": {TaskMultiClass, want("cat", 1, "dog", 1, "horse", 1, "cow", 1, "sheep", 1), both(cat, dog),
			Scores{Ratio: 0.4, Found: 2, CompBench: 0.4}},
		"three of five, the paper's example": {TaskMultiInstance, want("cat", 5), both(cat, cat2, cat3),
			Scores{Ratio: 0.6, Found: 3, CompBench: 0.5}},
		"missing class": {TaskMultiClass, want("cat", 1, "dog", 1), both(cat),
			Scores{Ratio: 0.5, Found: 1, CompBench: 0.5}},
		"nothing": {TaskMultiClass, want("cat", 1, "dog", 1), both(),
			Scores{}},
		"a second cat": {TaskMultiClass, want("cat", 1, "dog", 1), both(cat, cat2, dog),
			Scores{Ratio: 1, Found: 3, AllPresent: true, Over: true, CompBench: 0.75}},
		"two cats are no dog": {TaskMultiClass, want("cat", 1, "dog", 1), both(cat, cat2),
			Scores{Ratio: 0.5, Found: 2, Over: true, CompBench: 0.25}},
		"wrong class": {TaskMultiClass, want("cat", 1, "dog", 1), both(cat, cow),
			Scores{Ratio: 0.5, Found: 1, Over: true, CompBench: 0.5}},
		"all there and a cow": {TaskMultiClass, want("cat", 1, "dog", 1), both(cat, dog, cow),
			Scores{Ratio: 1, Found: 2, AllPresent: true, Over: true, CompBench: 1}},
		"too many": {TaskMultiInstance, want("cat", 2), both(cat, cat2, cat3),
			Scores{Ratio: 1, Found: 3, AllPresent: true, Over: true, CompBench: 0.5}},
		"mixed, cats do not stand in for dogs": {TaskMixed, want("cat", 2, "dog", 2), both(cat, cat2, cat3, dog),
			Scores{Ratio: 0.75, Found: 4, Over: true, CompBench: 0.5}},
		"mixed, exact": {TaskMixed, want("cat", 3, "dog", 1), both(dog, cat, cat3, cat2),
			Scores{Ratio: 1, Found: 4, AllPresent: true, Exact: true, CompBench: 1}},
		"a duplicate that one detector alone sees": {TaskMultiInstance, want("cat", 2),
			map[string][]detect.Detection{"a": {cat, cat2, at("cat", 1, 0, 10, 10)}, "b": {cat, cat2}},
			Scores{Ratio: 1, Found: 2, AllPresent: true, Exact: true, CompBench: 1}},
		"a third that one detector alone sees": {TaskMultiInstance, want("cat", 3),
			map[string][]detect.Detection{"a": {cat, cat2, cat3}, "b": {cat, cat2}, "c": {cat, cat2}},
			Scores{Ratio: 2. / 3, Found: 2, CompBench: 0.5}},
		"two of three detectors agree": {TaskMultiInstance, want("cat", 2),
			map[string][]detect.Detection{"a": {cat}, "b": {cat, cat2}, "c": {cat2}},
			Scores{Ratio: 1, Found: 2, AllPresent: true, Exact: true, CompBench: 1}},
		"detectors disagree about the class": {TaskMultiClass, want("cat", 1, "dog", 1),
			map[string][]detect.Detection{"a": {cat}, "b": {at("dog", 0, 0, 10, 10)}},
			Scores{Fused: true}},
		"one detector is taken at its word": {TaskMultiInstance, want("cat", 2), map[string][]detect.Detection{"a": {cat, cat2}},
			Scores{Ratio: 1, Found: 2, AllPresent: true, Exact: true, CompBench: 1}},
		"merged: one sees a wide cat, one two": {TaskMultiInstance, want("cat", 2),
			map[string][]detect.Detection{"a": {at("cat", 0, 0, 20, 10)}, "b": {at("cat", 0, 0, 9, 10), at("cat", 11, 0, 9, 10)}},
			Scores{Fused: true}},
		"hybrid: both see a cat that is a dog": {TaskMultiClass, want("cat", 1, "dog", 1), both(cat, at("dog", 1, 0, 10, 10)),
			Scores{Ratio: 1, Found: 2, AllPresent: true, Exact: true, Fused: true, CompBench: 1}},
		"one object": {TaskSingle, want("cat", 1), both(cat),
			Scores{Ratio: 1, Found: 1, AllPresent: true, Exact: true, CompBench: 1}},
		"nobody looked": {TaskSingle, want("cat", 1), nil, Scores{}},
		"nothing asked": {TaskSingle, nil, both(cat), Scores{Over: true}},
	} {
		if got := Judge(Record{Task: c.task, Wanted: c.wanted, Found: c.found}); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestFused(t *testing.T) {
	two := func(a, b []detect.Detection) map[string][]detect.Detection {
		return map[string][]detect.Detection{"a": a, "b": b}
	}
	list := func(d ...detect.Detection) []detect.Detection { return d }
	for name, c := range map[string]struct {
		found map[string][]detect.Detection
		want  bool
	}{
		"apart":                        {both(at("cat", 0, 0, 10, 10), at("dog", 20, 0, 10, 10)), false},
		"hybrid of one detector":       {two(list(at("cat", 0, 0, 10, 10), at("dog", 0, 0, 10, 10)), nil), true},
		"hybrid at IoU 1/2":            {two(list(at("cat", 0, 0, 20, 10)), list(at("dog", 0, 0, 10, 10))), true},
		"side by side, IoU 9/21":       {both(at("cat", 0, 0, 15, 10), at("dog", 6, 0, 15, 10)), false},
		"same class twice in a place":  {both(at("cat", 0, 0, 10, 10), at("cat", 0, 0, 10, 9)), false},
		"merged, two classes":          {two(list(at("cat", 0, 0, 20, 10)), list(at("cat", 0, 0, 9, 10), at("dog", 11, 0, 9, 10))), true},
		"merged, the other way round":  {two(list(at("cat", 0, 0, 9, 10), at("cat", 11, 0, 9, 10)), list(at("cat", 0, 0, 20, 10))), true},
		"merged, uneven 60:40":         {two(list(at("cat", 0, 0, 20, 10)), list(at("cat", 0, 0, 12, 10), at("cat", 12, 0, 8, 10))), true},
		"parts covered by 6/10":        {two(list(at("cat", 4, 0, 12, 10)), list(at("cat", 0, 0, 10, 10), at("cat", 10, 0, 10, 10))), true},
		"parts covered by 1/2 only":    {two(list(at("cat", 5, 0, 10, 10)), list(at("cat", 0, 0, 10, 10), at("cat", 10, 0, 10, 10))), false},
		"only one part covered":        {two(list(at("cat", 0, 0, 14, 10)), list(at("cat", 0, 0, 10, 10), at("cat", 10, 0, 10, 10))), false},
		"within one detector":          {two(list(at("cat", 0, 0, 20, 10), at("cat", 0, 0, 9, 10), at("cat", 11, 0, 9, 10)), nil), false},
		"dog before an elephant":       {both(at("elephant", 0, 0, 40, 40), at("dog", 5, 30, 10, 10)), false},
		"one detector missed that dog": {two(list(at("elephant", 0, 0, 40, 40)), list(at("elephant", 0, 1, 40, 38), at("dog", 5, 30, 10, 9))), false},
		"cow before a cow":             {both(at("cow", 0, 0, 40, 40), at("cow", 5, 20, 20, 20)), false},
		"empty boxes":                  {two(list(at("cat", 0, 0, 20, 10)), list(at("cat", 5, 5, 0, 0), at("cat", 6, 5, 0, 0))), false},
		"nothing":                      {two(nil, nil), false},
	} {
		if got := fused(c.found); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
