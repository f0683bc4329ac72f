package detect

import (
	"math"
	"reflect"
	"slices"
	"testing"
)

func square(x, y, side float64) Box { return Box{X0: x, Y0: y, X1: x + side, Y1: y + side} }

func TestIoU(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b Box
		want float64
	}{
		{"same", square(0, 0, 10), square(0, 0, 10), 1},
		{"apart", square(0, 0, 10), square(20, 0, 10), 0},
		{"touching", square(0, 0, 10), square(10, 0, 10), 0},
		{"half", square(0, 0, 10), Box{X0: 0, Y0: 0, X1: 10, Y1: 5}, 0.5},
		{"shifted", square(0, 0, 10), square(5, 5, 10), 25.0 / 175},
		{"inside", square(0, 0, 10), square(4, 4, 2), 0.04},
		{"fractions", square(0.5, 0.5, 1), square(0.75, 0.5, 1), 0.75 / 1.25},
		{"both empty", Box{}, Box{}, 0},
		{"swapped corners", Box{X0: 10, Y0: 10}, square(0, 0, 10), 0},
		{"both swapped", Box{X0: 10, Y0: 10}, Box{X0: 10, Y0: 10}, 0},
	} {
		if got := c.a.IoU(c.b); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: IoU = %v, want %v", c.name, got, c.want)
		}
		if got, back := c.a.IoU(c.b), c.b.IoU(c.a); got != back {
			t.Errorf("%s: IoU is not symmetric: %v and %v", c.name, got, back)
		}
	}
}

func TestAgree(t *testing.T) {
	at := func(class string, score, x float64) Detection {
		return Detection{Class: class, Score: score, Box: square(x, 0, 10)}
	}
	for _, c := range []struct {
		name  string
		found map[string][]Detection
		want  []Detection
	}{
		{"nobody looked", nil, nil},
		{"one detector: as it is, its order too",
			map[string][]Detection{"a": {at("cat", 0.5, 0), at("cat", 0.9, 1)}},
			[]Detection{at("cat", 0.5, 0), at("cat", 0.9, 1)}},
		{"the second saw nothing",
			map[string][]Detection{"a": {at("cat", 0.9, 0)}, "b": nil}, nil},
		{"two agree: means",
			map[string][]Detection{"a": {at("cat", 0.8, 0)}, "b": {at("cat", 0.6, 2)}},
			[]Detection{at("cat", 0.7, 1)}},
		{"IoU of 6/14 is too little",
			map[string][]Detection{"a": {at("cat", 0.8, 0)}, "b": {at("cat", 0.6, 4)}}, nil},
		{"IoU of exactly the least counts",
			map[string][]Detection{
				"a": {at("cat", 0.75, 0)},
				"b": {{Class: "cat", Score: 0.25, Box: Box{X1: 10, Y1: 5}}}},
			[]Detection{{Class: "cat", Score: 0.5, Box: Box{X1: 10, Y1: 7.5}}}},
		{"wrong class",
			map[string][]Detection{"a": {at("cat", 0.8, 0)}, "b": {at("dog", 0.9, 0)}}, nil},
		{"duplicates by one detector count once",
			map[string][]Detection{"a": {at("cat", 0.75, 0), at("cat", 0.5, 1), at("cat", 0.5, 0)}, "b": {at("cat", 0.25, 0)}},
			[]Detection{at("cat", 0.5, 0)}},
		{"duplicates by one detector alone are no agreement",
			map[string][]Detection{"a": {at("cat", 0.75, 0), at("cat", 0.5, 0)}, "b": nil}, nil},
		{"duplicates by both are two objects",
			map[string][]Detection{"a": {at("cat", 0.75, 0), at("cat", 0.5, 0)}, "b": {at("cat", 0.25, 0), at("cat", 0.25, 0)}},
			[]Detection{at("cat", 0.5, 0), at("cat", 0.375, 0)}},
		{"one sees two, the other one merged object",
			map[string][]Detection{
				"a": {at("cat", 0.75, 0), at("cat", 0.5, 10)},
				"b": {{Class: "cat", Score: 1, Box: Box{X1: 20, Y1: 10}}}},
			// the merged box has IoU 0.5 with each; of equally good ones the more certain joins it
			[]Detection{{Class: "cat", Score: 0.875, Box: Box{X1: 15, Y1: 10}}}},
		{"merged with a gap agrees with neither",
			map[string][]Detection{
				"a": {at("cat", 0.75, 0), at("cat", 0.5, 14)},
				"b": {{Class: "cat", Score: 1, Box: Box{X1: 24, Y1: 10}}}}, nil},
		{"neighbours are not swapped: the seed takes what covers it best, not what is most certain",
			map[string][]Detection{
				"a": {at("cat", 1, 0), at("cat", 0.5, 3)},
				"b": {at("cat", 0.75, 3), at("cat", 0.25, 0)}},
			[]Detection{at("cat", 0.625, 0), at("cat", 0.625, 3)}},
		{"of three detectors two agree",
			map[string][]Detection{"a": {at("cat", 0.75, 0)}, "b": nil, "c": {at("cat", 0.25, 0), at("cat", 0.875, 50)}},
			[]Detection{at("cat", 0.5, 0)}},
		{"of three detectors three agree: one object, mean of three",
			map[string][]Detection{"a": {at("cat", 0.75, 0)}, "b": {at("cat", 0.5, 3)}, "c": {at("cat", 0.25, 0)}},
			[]Detection{at("cat", 0.5, 1)}},
		{"a chain does not grow beyond the seed",
			map[string][]Detection{"a": {at("cat", 1, 0)}, "b": {at("cat", 0.5, 3)}, "c": {at("cat", 0.25, 6)}},
			[]Detection{at("cat", 0.75, 1.5)}},
		{"a chain with the seed in its middle",
			map[string][]Detection{"a": {at("cat", 0.5, 0)}, "b": {at("cat", 1, 3)}, "c": {at("cat", 0.75, 6)}},
			[]Detection{at("cat", 0.75, 3)}},
		{"two classes in one place",
			map[string][]Detection{"a": {at("cat", 0.5, 0), at("dog", 0.75, 0)}, "b": {at("cat", 0.5, 0), at("dog", 0.75, 0)}},
			[]Detection{at("dog", 0.75, 0), at("cat", 0.5, 0)}},
	} {
		got := Agree(c.found, 0.5)
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n got %v\nwant %v", c.name, got, c.want)
		}
	}
}

// All scores are the same and boxes overlap in many ways: only the tie breaks decide.
func TestAgreeTies(t *testing.T) {
	row := func(offset float64) (row []Detection) {
		for i := range 6 {
			row = append(row, Detection{Class: "cat", Score: 0.5, Box: square(float64(i)*2+offset, 0, 10)})
		}
		return row
	}
	found := map[string][]Detection{"a": row(0), "b": row(0.5), "c": row(1)}
	first := Agree(found, 0.5)
	if len(first) != 6 {
		t.Fatalf("%d objects of three rows of six, want 6: %v", len(first), first)
	}
	for range 20 {
		for _, list := range found {
			slices.Reverse(list)
			if got := Agree(found, 0.5); !reflect.DeepEqual(got, first) {
				t.Fatalf("another order of sightings gives another result:\n got %v\nwant %v", got, first)
			}
		}
	}
}

func TestAgreeLeavesItsInputAlone(t *testing.T) {
	list := []Detection{{Class: "cat", Score: 0.1, Box: square(0, 0, 1)}, {Class: "cat", Score: 0.9, Box: square(0, 0, 1)}}
	found := map[string][]Detection{"a": slices.Clone(list)}
	Agree(found, 0.5)[0].Class = "dog"
	found["b"] = slices.Clone(list)
	Agree(found, 0.5)
	if !reflect.DeepEqual(found["a"], list) || !reflect.DeepEqual(found["b"], list) {
		t.Errorf("Agree changed what it was given: %v", found)
	}
}

func TestSuppress(t *testing.T) {
	at := func(class string, score, x float64) Detection {
		return Detection{Class: class, Score: score, Box: square(x, 0, 10)}
	}
	found := []Detection{
		at("cat", 0.5, 0.5), // 0.90 with the best cat: goes
		at("cat", 0.9, 0),
		at("dog", 0.8, 0),    // another class: stays
		at("cat", 0.7, 2),    // 8/12: stays
		at("cat", 0.6, 1.25), // 8.75/11.25 with the best cat: goes
		at("cat", 0.4, 3),    // covered only by what stays at 2 (9/11)
	}
	want := []Detection{at("cat", 0.9, 0), at("dog", 0.8, 0), at("cat", 0.7, 2)}
	if got := Suppress(found, 0.7); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	if got := Suppress(nil, 0.7); len(got) != 0 {
		t.Errorf("of nothing came %v", got)
	}
}
