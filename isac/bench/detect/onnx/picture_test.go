package onnx

import (
	"image"
	"image/color"
	"math"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/detect"
)

// The pictures in testdata/letterbox are OpenCV's.
func TestLetterbox(t *testing.T) {
	for name, want := range readGolden(t).Letterbox {
		got, frame, err := letterbox(readPicture(t, "pictures/"+name+".png"), 64, 64)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(frame.scaleX-want.Scale[0]) > 1e-12 || math.Abs(frame.scaleY-want.Scale[1]) > 1e-12 || frame.left != want.Left || frame.top != want.Top {
			t.Errorf("%s: scale %v %v left %v top %v, want %+v", name, frame.scaleX, frame.scaleY, frame.left, frame.top, want)
		}
		if d := levels(got, readPicture(t, "letterbox/"+name+".png")); d > 1 {
			t.Errorf("%s: a colour differs by %d levels from OpenCV's", name, d)
		}
	}
}

// The pictures in testdata/stretch are Pillow's.
func TestStretch(t *testing.T) {
	for name := range readGolden(t).Letterbox {
		if d := levels(stretch(readPicture(t, "pictures/"+name+".png"), 96, 64), readPicture(t, "stretch/"+name+".png")); d > 1 {
			t.Errorf("%s: a colour differs by %d levels from Pillow's", name, d)
		}
	}
}

func TestFrameGoesBack(t *testing.T) {
	picture := image.NewRGBA(image.Rect(7, 9, 7+300, 9+150)) // not at the origin
	_, frame, err := letterbox(picture, 96, 64)
	if err != nil {
		t.Fatal(err)
	}
	// 0.32 makes 96×48, with 8 rows of grey above and below.
	for _, c := range []struct{ in, want detect.Box }{
		{detect.Box{X0: 0, Y0: 8, X1: 96, Y1: 56}, detect.Box{X0: 0, Y0: 0, X1: 300, Y1: 150}},
		{detect.Box{X0: 32, Y0: 24, X1: 64, Y1: 40}, detect.Box{X0: 100, Y0: 50, X1: 200, Y1: 100}},
		{detect.Box{X0: -5, Y0: 0, X1: 32, Y1: 70}, detect.Box{X0: 0, Y0: 0, X1: 100, Y1: 150}},
	} {
		if got := frame.box(c.in); far(got, c.want) > 1e-9 {
			t.Errorf("%v maps to %v, want %v", c.in, got, c.want)
		}
	}
	if got := frame.box(detect.Box{X0: 10, Y0: 0, X1: 20, Y1: 8}); !got.Empty() {
		t.Errorf("a box in the padding maps to %v, which is not empty", got)
	}
}

// The sizes are of transformers 5.23, get_size_with_aspect_ratio(…, 800, 1333).
func TestShortest(t *testing.T) {
	for _, c := range [][2]image.Point{
		{{X: 64, Y: 64}, {X: 800, Y: 800}}, {{X: 100, Y: 60}, {X: 1333, Y: 800}}, {{X: 37, Y: 81}, {X: 609, Y: 1333}},
		{{X: 201, Y: 150}, {X: 1072, Y: 800}}, {{X: 512, Y: 512}, {X: 800, Y: 800}}, {{X: 1024, Y: 768}, {X: 1066, Y: 800}},
		{{X: 768, Y: 1024}, {X: 800, Y: 1066}}, {{X: 800, Y: 600}, {X: 1066, Y: 800}}, {{X: 2000, Y: 500}, {X: 1333, Y: 333}},
		{{X: 500, Y: 2000}, {X: 333, Y: 1333}}, {{X: 1333, Y: 800}, {X: 1333, Y: 800}}, {{X: 800, Y: 1333}, {X: 800, Y: 1333}},
		{{X: 1, Y: 1}, {X: 800, Y: 800}}, {{X: 10, Y: 1}, {X: 1333, Y: 133}}, {{X: 640, Y: 427}, {X: 1199, Y: 800}},
	} {
		if got := shortest(c[0], 800, 1333); got != c[1] {
			t.Errorf("%v is scaled to %v, want %v", c[0], got, c[1])
		}
	}
}

func TestPlanes(t *testing.T) {
	picture := image.NewRGBA(image.Rect(0, 0, 2, 1))
	picture.SetRGBA(0, 0, color.RGBA{R: 255, G: 51, B: 0, A: 255})
	picture.SetRGBA(1, 0, color.RGBA{R: 102, G: 0, B: 204, A: 255})
	got := planes(picture, [3]float32{0.5, 0, 0}, [3]float32{0.5, 1, 2})
	want := []float32{1, -0.2, 0.2, 0, 0, 0.4}
	if !slices.EqualFunc(got, want, func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-6 }) {
		t.Errorf("planes are %v, want %v", got, want)
	}
}
