package nodes

import (
	"image"
	"image/color"
	"testing"

	"github.com/isac-guidance/isac/isac/guidance"
)

// twoInstances has instance 0 in the upper left and instance 1 in the lower right cell of a 2×2 grid.
var twoInstances = guidance.Report{
	Height: 2, Width: 2,
	Masks:  [][]float32{{0.5, 0, 0, 0.1}, {0.1, 0, 0, 0.25}},
	Labels: []int{0, -1, -1, 1},
}

func TestPaintBlocks(t *testing.T) {
	got := painter{width: 4, height: 4}.paint(twoInstances)
	for y := range 4 {
		for x := range 4 {
			want := background
			switch {
			case x < 2 && y < 2:
				want = palette[0]
			case x >= 2 && y >= 2:
				want = palette[1]
			}
			if c := got.NRGBAAt(x, y); c != want {
				t.Errorf("pixel (%d,%d) is %v, want %v", x, y, c, want)
			}
		}
	}
}

func TestPaintSmoothly(t *testing.T) {
	got := painter{width: 8, height: 8, smooth: true}.paint(twoInstances)
	if c := got.NRGBAAt(0, 0); c != palette[0] {
		t.Errorf("the corner is %v, want the instance's own colour %v", c, palette[0])
	}
	// Blue falls from the background's to orange's none on the way into instance 0.
	last := -1
	for x := 7; x >= 0; x-- {
		blue := int(got.NRGBAAt(x, 0).B)
		if last >= 0 && blue > last {
			t.Errorf("blue rises from %d to %d at x=%d on the way into an orange instance", last, blue, x)
		}
		last = blue
	}
}

func TestPaintWeakPixelsFainter(t *testing.T) {
	r := guidance.Report{Height: 1, Width: 2, Masks: [][]float32{{1, 0.1}}, Labels: []int{0, 0}}
	got := painter{width: 2, height: 1}.paint(r)
	strong, weak := got.NRGBAAt(0, 0), got.NRGBAAt(1, 0)
	if strong != palette[0] || weak == strong || weak == background {
		t.Errorf("strong %v, weak %v: want the palette's colour and something between it and the background", strong, weak)
	}
}

func TestPaintOverPicture(t *testing.T) {
	below := image.NewNRGBA(image.Rect(0, 0, 4, 4))
	grass := color.NRGBA{10, 200, 30, 255}
	for y := range 4 {
		for x := range 4 {
			below.SetNRGBA(x, y, grass)
		}
	}
	got := painter{width: 4, height: 4, below: below}.paint(twoInstances)
	if c := got.NRGBAAt(3, 0); c != grass {
		t.Errorf("where no instance is the picture became %v, want %v", c, grass)
	}
	if c := got.NRGBAAt(0, 0); c == grass || c == palette[0] {
		t.Errorf("under an instance the picture is %v: want a mixture of %v and %v", c, grass, palette[0])
	}
	empty := painter{width: 4, height: 4, below: below}.paint(guidance.Report{})
	if c := empty.NRGBAAt(0, 0); c != grass {
		t.Errorf("a report without masks changed the picture to %v", c)
	}
}

func TestPaintManyInstances(t *testing.T) {
	r := guidance.Report{Height: 1, Width: len(palette) + 1}
	for i := range r.Width {
		mask := make([]float32, r.Width)
		mask[i] = 1
		r.Masks, r.Labels = append(r.Masks, mask), append(r.Labels, i)
	}
	got := painter{width: r.Width, height: 1}.paint(r)
	seen := map[color.NRGBA]int{}
	for x := range r.Width {
		seen[got.NRGBAAt(x, 0)]++
	}
	if len(seen) != len(palette) || seen[palette[0]] != 2 {
		t.Errorf("%d instances have colours %v: want each once and the first twice", r.Width, seen)
	}
}

func TestPickSteps(t *testing.T) {
	at := func(i int, masks bool) guidance.Report {
		r := guidance.Report{Step: guidance.Step{Index: i}}
		if masks {
			r.Masks = [][]float32{{1}}
		}
		return r
	}
	reports := []guidance.Report{at(0, false), at(1, true), at(2, true), at(3, true), at(4, false)}
	tests := []struct {
		which string
		want  []int
	}{{"first", []int{1}}, {"last", []int{3}}, {"all", []int{1, 2, 3}}}
	for _, tt := range tests {
		got := pickSteps(reports, tt.which)
		var steps []int
		for _, r := range got {
			steps = append(steps, r.Index)
		}
		if len(steps) != len(tt.want) || steps[0] != tt.want[0] || steps[len(steps)-1] != tt.want[len(tt.want)-1] {
			t.Errorf("%s picks steps %v, want %v", tt.which, steps, tt.want)
		}
	}
	if got := pickSteps(reports[:1], "all"); len(got) != 1 || len(got[0].Masks) != 0 {
		t.Errorf("an image without any masks gives %v: want one empty report", got)
	}
}
