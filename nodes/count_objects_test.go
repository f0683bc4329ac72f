package nodes

import (
	"image"
	"reflect"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/detect"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/prompt"
)

// TestAskedCounts reads what is to be counted, adds mentions up, and says how far away other counts are.
func TestAskedCounts(t *testing.T) {
	asked := askedOf(prompt.Parse("two cats and a dog"))
	if !reflect.DeepEqual(asked, objectCounts{"cat": 2, "dog": 1}) || asked.String() != "cat=2, dog=1" {
		t.Errorf("asked for %v", asked)
	}
	for _, c := range []struct {
		seen objectCounts
		away int
	}{{objectCounts{"cat": 2, "dog": 1}, 0}, {objectCounts{"cat": 3, "dog": 1}, 1}, {objectCounts{"cat": 1}, 2}, {objectCounts{"cat": 2, "dog": 1, "bird": 4}, 0}} {
		if got := c.seen.away(asked); got != c.away {
			t.Errorf("%v is off by %d, want %d", c.seen, got, c.away)
		}
	}
}

// fixed is a detector that always sees the same.
type fixed struct {
	name    string
	classes []string
	sees    []detect.Detection
}

func (f fixed) Name() string      { return f.name }
func (f fixed) Classes() []string { return f.classes }
func (f fixed) Close() error      { return nil }
func (f fixed) Detect(image.Image, []string) ([]detect.Detection, error) {
	return f.sees, nil
}

// TestCounter holds that of several detectors two have to agree, that one alone decides, and that unknown classes are named.
func TestCounter(t *testing.T) {
	at := func(class string, x float64) detect.Detection {
		return detect.Detection{Class: class, Score: 0.9, Box: detect.Box{X0: x, Y0: 0, X1: x + 10, Y1: 10}}
	}
	asked := objectCounts{"cat": 2, "dog": 1}
	first := fixed{"first", []string{"cat", "dog"}, []detect.Detection{at("cat", 0), at("cat", 20), at("dog", 40)}}
	second := fixed{"second", []string{"cat"}, []detect.Detection{at("cat", 1), at("dog", 60)}}
	for _, c := range []struct {
		detectors []detect.Detector
		want      objectCounts
	}{
		{[]detect.Detector{first}, objectCounts{"cat": 2, "dog": 1}},
		{[]detect.Detector{first, second}, objectCounts{"cat": 1, "dog": 0}},
	} {
		got, err := counter{c.detectors, asked}.count(image.NewNRGBA(image.Rect(0, 0, 80, 10)))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%d detectors count %v, %v, want %v", len(c.detectors), got, err, c.want)
		}
	}
	err := counter{[]detect.Detector{first, second}, asked}.check()
	if err == nil || !strings.Contains(err.Error(), `the detector second does not know "dog"`) || strings.Contains(err.Error(), "first") {
		t.Errorf("%v", err)
	}
}

// maps lays out what guidance sees of a grid: each letter is an instance, in rows; what overlaps is said by pairs.
func mapsOf(rows []string, classOf map[byte]int, classes int, covers map[string]bool) guidance.Maps {
	m := guidance.Maps{Height: len(rows), Width: len(rows[0])}
	letters := map[byte]int{}
	for _, row := range rows {
		for i := range len(row) {
			if _, known := letters[row[i]]; row[i] != '.' && !known {
				letters[row[i]] = len(letters)
			}
		}
	}
	m.Masks, m.Prop = make([][]float32, len(letters)), make([][]float32, classes)
	for _, row := range rows {
		for i := range len(row) {
			label, ok := letters[row[i]]
			if !ok {
				label = -1
			}
			m.Labels = append(m.Labels, label)
			for letter, n := range letters {
				v := float32(0)
				if row[i] == letter || row[i] != '.' && (covers[string([]byte{letter, row[i]})] || covers[string([]byte{row[i], letter})]) {
					v = 0.8
				}
				m.Masks[n] = append(m.Masks[n], v)
			}
			for c := range m.Prop {
				v := float32(0.1)
				if ok && classOf[row[i]] == c {
					v = 0.9
				}
				m.Prop[c] = append(m.Prop[c], v)
			}
		}
	}
	return m
}

// TestCountsInMasks counts instances of each class: apart, cut in two by the clustering, in two pieces, and specks.
func TestCountsInMasks(t *testing.T) {
	target := guidance.Target{Classes: []guidance.Class{{Name: "cat", Count: 2}, {Name: "dog", Count: 1}}}
	c := counter{asked: objectCounts{"cat": 2, "dog": 1}}
	classes := map[byte]int{'a': 0, 'b': 0, 'd': 1}
	for _, row := range []struct {
		name   string
		grid   []string
		covers map[string]bool
		want   string
	}{
		{"as asked", []string{"aaa.bbb.ddd", "aaa.bbb.ddd", "aaa.bbb.ddd"}, nil, "cat=2, dog=1"},
		{"one cat, cut in two", []string{"aaabbb..ddd", "aaabbb..ddd", "aaabbb..ddd"}, map[string]bool{"ab": true}, "cat=1, dog=1"},
		{"two cats that touch", []string{"aaabbb..ddd", "aaabbb..ddd", "aaabbb..ddd"}, nil, "cat=2, dog=1"},
		{"three cats, two in one cluster", []string{"aaa.bbb.ddd", "aaa.bbb.ddd", "...........", "aaa........", "aaa........"}, nil, "cat=3, dog=1"},
		{"a speck is no cat", []string{"aaa.bbb.ddd", "aaa.bbb.ddd", "aaa.bbb.ddd", "...........", "a.........."}, nil, "cat=2, dog=1"},
	} {
		if got := c.inMasks(mapsOf(row.grid, classes, 2, row.covers), target).String(); got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
	if got := c.inMasks(guidance.Maps{}, target).String(); got != "cat=0, dog=0" {
		t.Errorf("nothing seen counts as %s", got)
	}
}
