package mini

import (
	"math"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/detect"
)

var two = []string{"cat", "dog"}

func filled(channels, height, width int, value float32) grid {
	g := grid{channels: channels, height: height, width: width, values: make([]float32, channels*height*width)}
	for i := range g.values {
		g.values[i] = value
	}
	return g
}

func (g grid) set(c, y, x int, value float64) { g.values[(c*g.height+y)*g.width+x] = float32(value) }

func TestPeaksAreReadAsBoxes(t *testing.T) {
	g := filled(6, 8, 8, -9)
	g.set(0, 2, 3, 2)
	g.set(0, 2, 4, 1) // beside it, lower: no peak
	g.set(1, 6, 0, 3)
	g.set(1, 2, 3, -0.5) // too low
	for d, pixels := range []float64{4, 3, 5, 20} {
		g.set(2+d, 2, 3, math.Log(pixels/unit))
		g.set(2+d, 6, 0, math.Log(pixels/unit))
	}
	got := peaks(g, two, heatmapSettings{Score: 0.5, Overlap: 0.6})
	want := []detect.Detection{
		{Class: "dog", Score: 1 / (1 + math.Exp(-3)), Box: detect.Box{X0: 0, Y0: 10, X1: 6, Y1: 16}}, // clipped to the 16 pixels
		{Class: "cat", Score: 1 / (1 + math.Exp(-2)), Box: detect.Box{X0: 3, Y0: 2, X1: 12, Y1: 16}},
	}
	if len(got) != len(want) {
		t.Fatalf("got %v, expected %v", got, want)
	}
	for i := range want {
		if got[i].Class != want[i].Class || math.Abs(got[i].Score-want[i].Score) > 1e-9 || apart(got[i].Box, want[i].Box) > 1e-5 {
			t.Errorf("got %v, expected %v", got[i], want[i])
		}
	}
}

func TestTouchingObjectsWithCoresOfTheirOwnAreTwo(t *testing.T) {
	// Two cats of 3 × 3 pixels side by side, their cores one pixel each, and a solid spot without a core.
	g := filled(4, 5, 8, -9)
	for y := range 5 {
		for x := range 8 {
			g.set(0, y, x, 9)
		}
	}
	solid := func(y, x, class int) { g.set(0, y, x, -9); g.set(1+class, y, x, 9) }
	for y := 1; y <= 3; y++ {
		for x := range 6 {
			solid(y, x, 0)
		}
	}
	solid(4, 7, 1)
	g.set(3, 2, 1, 9)
	g.set(3, 2, 4, 9)
	got := objects(g, two, segmentsSettings{Core: 0.5, Score: 0.5, Pixels: 1})
	if len(got) != 2 {
		t.Fatalf("got %v", got)
	}
	if got[0].Class != "cat" || got[0].Box != (detect.Box{X0: 0, Y0: 1, X1: 3, Y1: 4}) || got[1].Box != (detect.Box{X0: 3, Y0: 1, X1: 6, Y1: 4}) {
		t.Errorf("got %v", got)
	}
	if got := objects(g, two, segmentsSettings{Core: 0.5, Score: 0.5, Pixels: 2}); len(got) != 0 {
		t.Errorf("cores of one pixel count though two are asked for: %v", got)
	}
}

func TestADividedVoteCostsScore(t *testing.T) {
	// Four pixels, three say dog and one says cat.
	g := filled(4, 1, 4, -20)
	for x := range 4 {
		g.set(2, 0, x, 20)
		g.set(3, 0, x, 20)
	}
	g.set(2, 0, 0, -20)
	g.set(1, 0, 0, 20)
	got := objects(g, two, segmentsSettings{Core: 0.5, Score: 0.5, Pixels: 1})
	if len(got) != 1 || got[0].Class != "dog" || math.Abs(got[0].Score-0.75) > 1e-6 {
		t.Errorf("got %v, expected a dog of 0.75", got)
	}
	if got := objects(g, two, segmentsSettings{Core: 0.5, Score: 0.8, Pixels: 1}); len(got) != 0 {
		t.Errorf("got %v below the least score", got)
	}
}

func TestComponentsNeedACommonSide(t *testing.T) {
	owners, number := components([]bool{true, false, false, false, true, true, true, false, true}, 3)
	if number != 3 || !slices.Equal(owners, []int{0, -1, -1, -1, 1, 1, 2, -1, 1}) {
		t.Errorf("%d: %v", number, owners)
	}
}

func TestObjectsGrowAtTheSamePace(t *testing.T) {
	owners := []int{0, -1, -1, -1, -1, -1, 1}
	grow(owners, []bool{true, true, true, true, true, true, true}, 7)
	if !slices.Equal(owners, []int{0, 0, 0, 0, 1, 1, 1}) {
		t.Errorf("%v", owners)
	}
	owners = []int{0, -1, -1, -1, -1, -1, 1}
	grow(owners, []bool{true, true, false, true, true, true, true}, 7)
	if !slices.Equal(owners, []int{0, 0, -1, 1, 1, 1, 1}) {
		t.Errorf("%v", owners)
	}
}
