package onnx

import (
	"encoding/json"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/detect"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// require opens ONNX Runtime, which `make deps-test` puts into .venv, or skips the test.
func require(t *testing.T) {
	t.Helper()
	if err := Runtime(""); err != nil {
		if os.Getenv(torchtest.RequireEnv) == "" {
			t.Skipf("%v", err)
		}
		t.Fatalf("%v", err)
	}
}

// golden is what testdata/make_models.py wrote.
type golden struct {
	Letterbox map[string]struct {
		Scale     [2]float64 // x, y
		Left, Top float64
	}
	Cases []struct {
		Model, Picture string
		Wanted         []string
		Found          []detect.Detection
	}
	Tokens []struct {
		Text string
		IDs  []int64
	}
}

func readGolden(t *testing.T) (g golden) {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func readPicture(t *testing.T, path string) image.Image {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", path))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	picture, err := png.Decode(file)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return picture
}

var (
	red   = color.RGBA{R: 230, G: 30, B: 20, A: 255}
	green = color.RGBA{R: 30, G: 210, B: 50, A: 255}
	blue  = color.RGBA{R: 25, G: 40, B: 235, A: 255}
	grey  = color.RGBA{R: 150, G: 150, B: 150, A: 255}
)

// paint draws a rectangle.
func paint(picture draw.Image, r image.Rectangle, c color.Color) {
	draw.Draw(picture, r, image.NewUniform(c), image.Point{}, draw.Src)
}

// levels is the largest difference between two pictures of one size, in levels of a colour.
func levels(a, b image.Image) (most int) {
	at := func(p image.Image, x, y int) color.RGBA {
		return color.RGBAModel.Convert(p.At(p.Bounds().Min.X+x, p.Bounds().Min.Y+y)).(color.RGBA)
	}
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			p, q := at(a, x, y), at(b, x, y)
			for _, d := range []int{int(p.R) - int(q.R), int(p.G) - int(q.G), int(p.B) - int(q.B)} {
				most = max(most, d, -d)
			}
		}
	}
	return most
}

func blank(width, height int) *image.RGBA {
	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	paint(picture, picture.Bounds(), grey)
	return picture
}

// far is the largest distance between the edges of two boxes.
func far(a, b detect.Box) float64 {
	return max(math.Abs(a.X0-b.X0), math.Abs(a.Y0-b.Y0), math.Abs(a.X1-b.X1), math.Abs(a.Y1-b.Y1))
}

// compare wants the same detections in the same order. Scaling differs between libraries by a level of a colour: that can move an
// edge to the next pixel of an enlarged picture (0.08 of its own pixels), and a score by less than 0.01.
func compare(t *testing.T, what string, got, want []detect.Detection) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d detections, want %d\n got %v\nwant %v", what, len(got), len(want), got, want)
		return
	}
	for i := range want {
		if got[i].Class != want[i].Class || math.Abs(got[i].Score-want[i].Score) > 0.01 || far(got[i].Box, want[i].Box) > 0.1 {
			t.Errorf("%s: detection %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}
