package explain

import (
	"image"
	"image/color"
	"math"
	"testing"

	"github.com/isac-guidance/isac/isac/guidance"
)

func TestHeatGrowsFromBlackToWhite(t *testing.T) {
	table := heat()
	if distance(table[0], color.NRGBA{0, 0, 0, 255}) > 8 || distance(table[255], color.NRGBA{255, 255, 255, 255}) > 8 {
		t.Errorf("the scale goes from %v to %v", table[0], table[255])
	}
	linear := func(v uint8) float64 { return math.Pow(float64(v)/255, 2.2) }
	lightness := func(c color.NRGBA) float64 { return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B) }
	for i := range 15 {
		if lightness(table[17*i]) >= lightness(table[17*i+17]) {
			t.Errorf("the scale is no lighter at %d than at %d", 17*i+17, 17*i)
		}
	}
	s := span{1, 3}
	for v, want := range map[float32]color.NRGBA{0: table[0], 1: table[0], 2: table[128], 3: table[255], 9: table[255]} {
		if got := s.colour(v); got != want {
			t.Errorf("%v on a scale of 1 to 3 is %v, want %v", v, got, want)
		}
	}
}

func TestClustersAndMasksHaveTheirInstancesColours(t *testing.T) {
	m := quarters(0, 1, 0.2)
	clusters, masks := clusterMap(&m), masksMap(&m)
	for p := range side * side {
		x, y := p%side, p/side
		want := nothing
		if q := quarter(p); q < 3 {
			want = palette[q]
		}
		if got := clusters.NRGBAAt(x, y); got != want {
			t.Errorf("cluster at (%d,%d) is %v, want %v", x, y, got, want)
		}
		if got := masks.NRGBAAt(x, y); got != want { // each is at its peak everywhere
			t.Errorf("mask at (%d,%d) is %v, want %v", x, y, got, want)
		}
	}
	second := maskMap(&m, 1, span{0, 0.8})
	if got := second.NRGBAAt(side-1, 0); got != palette[1] {
		t.Errorf("instance 2 is %v where it is strongest, want %v", got, palette[1])
	}
	if got := second.NRGBAAt(side-1, side-1); got != nothing {
		t.Errorf("instance 2 is %v on the background, want %v", got, nothing)
	}
	weak := second.NRGBAAt(0, 0)
	if a, b := distance(weak, nothing), distance(palette[1], nothing); a == 0 || a > b/4 {
		t.Errorf("instance 2 is %v where it leaks in, %.0f from the background; its peak is at %.0f", weak, a, b)
	}
	if got := foregroundMap(&m).NRGBAAt(side-1, side-1); got != nothing {
		t.Errorf("the background is %v in the picture of the foreground", got)
	}
}

func TestMaskIsFainterAwayFromItsPeak(t *testing.T) {
	m := quarters(0, 1, 0)
	m.Masks[0][0] = 0.5
	masks := masksMap(&m)
	if a, b := distance(masks.NRGBAAt(0, 0), nothing), distance(masks.NRGBAAt(1, 0), nothing); a >= b || a == 0 {
		t.Errorf("half a mask is %.0f from the background, a whole one %.0f", a, b)
	}
}

func TestOverlapIsTheLoss(t *testing.T) {
	m := quarters(0, 1, 0.3)
	for _, c := range []struct {
		planes [][]float32
		peak   *guidance.Peak
	}{{m.Masks, m.InstancePeak}, {m.Prop, m.ClassPeak}} {
		values := overlap(c.planes)
		s := emptySpan()
		s.over(values)
		if diff := s.high - c.peak.Value; diff > 1e-6 || diff < -1e-6 {
			t.Errorf("the largest overlap is %v, the loss %v", s.high, c.peak.Value)
		}
		if diff := float64(values[c.peak.Pixel]) - c.peak.Value; diff > 1e-6 || diff < -1e-6 {
			t.Errorf("the overlap at the peak is %v, want %v", values[c.peak.Pixel], c.peak.Value)
		}
	}
	if overlap(m.Masks[:1]) != nil || overlap(nil) != nil {
		t.Error("one plane overlaps with something")
	}
}

// TestPeakIsMarkedWhereItIs draws a tile of 8×8 cells of 10 pixels and looks for the marker.
func TestPeakIsMarkedWhereItIs(t *testing.T) {
	m := quarters(0, 1, 0.3)
	for _, at := range []image.Point{{3, 2}, {5, 6}, {0, 0}} {
		tl := mapTile(&m, clusterMap(&m), "")
		tl.peak = &guidance.Peak{Pixel: at.Y*side + at.X}
		dst := image.NewRGBA(image.Rect(0, 0, 120, 120))
		origin := image.Pt(20, 20)
		tl.draw(dst, image.Rectangle{origin, origin.Add(image.Pt(80, 80))})

		cell := image.Rect(0, 0, 10, 10).Add(origin).Add(at.Mul(10))
		middle := image.Pt((cell.Min.X+cell.Max.X)/2, (cell.Min.Y+cell.Max.Y)/2)
		for _, step := range []image.Point{{1, 0}, {-1, 0}, {0, 1}, {0, -1}} { // a frame all around, nothing within
			found := 0
			for d := 0; d < 12; d++ {
				p := middle.Add(step.Mul(d))
				marked := color.NRGBAModel.Convert(dst.At(p.X, p.Y)) == markInk
				if p.In(cell) && marked {
					t.Errorf("peak at cell %v: its own pixel %v is painted over", at, p)
				}
				if marked {
					found++
				}
			}
			if found < 2 {
				t.Errorf("peak at cell %v: no frame in the direction %v", at, step)
			}
		}
		for y := range 120 {
			for x := range 120 {
				if p := image.Pt(x, y); color.NRGBAModel.Convert(dst.At(x, y)) == markInk && !p.In(cell.Inset(-14)) {
					t.Fatalf("peak at cell %v: marker at %v, far from the cell at %v", at, p, cell)
				}
			}
		}
	}
}

func TestOutlineIsAroundTheForeground(t *testing.T) {
	m := quarters(0, 1, 0.3)
	s := &Step{Maps: m}
	tl := propTile(s, 1, span{0, 1}, "dog") // the dog is below on the left
	dst := image.NewRGBA(image.Rect(0, 0, 80, 80))
	tl.draw(dst, dst.Rect)
	line := color.NRGBAModel.Convert(dst.At(0, 60))
	inside, outside := color.NRGBAModel.Convert(dst.At(15, 60)), color.NRGBAModel.Convert(dst.At(60, 60))
	if line == inside || line == outside {
		t.Fatalf("no line at the border: %v", line)
	}
	for _, at := range []image.Point{{39, 60}, {20, 40}, {20, 79}, {0, 45}} {
		if got := color.NRGBAModel.Convert(dst.At(at.X, at.Y)); got != line {
			t.Errorf("pixel %v is %v, want the line %v", at, got, line)
		}
	}
	if got := color.NRGBAModel.Convert(dst.At(20, 39)); got == line {
		t.Error("the line is outside the foreground")
	}
}
