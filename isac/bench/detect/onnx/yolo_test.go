package onnx

import (
	"image"
	"image/color"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/detect"
)

func openYOLO(t *testing.T, file string, classes []string) detect.Detector {
	t.Helper()
	require(t)
	d, err := OpenYOLO(filepath.Join("testdata", file), classes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// Rectangles are drawn here, so the truth is known: no computation of another library is between. A box may be off by as much as
// two of the input's pixels, scaling smears the edges.
func TestYOLOFindsWhatIsDrawn(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, file := range []string{"yolo.onnx", "yolo-end.onnx"} {
		d := openYOLO(t, file, nil)
		for range 25 {
			w, h := 40+random.IntN(200), 40+random.IntN(200)
			slack := 2 * float64(max(w, h)) / 64
			picture := image.NewRGBA(image.Rect(-3, 11, w-3, h+11))
			paint(picture, picture.Bounds(), grey)
			rect := func(x0, x1 int) (image.Rectangle, detect.Box) {
				wide, high := (x1-x0)/2, h/2
				x, y := x0+random.IntN(x1-x0-wide), random.IntN(h-high)
				b := detect.Box{X0: float64(x), Y0: float64(y), X1: float64(x + wide), Y1: float64(y + high)}
				return image.Rect(x, y, x+wide, y+high).Add(picture.Bounds().Min), b
			}
			left, cat := rect(0, w/2)
			right, dog := rect(w/2+3, w)
			paint(picture, left, red)
			paint(picture, right, green)
			found, err := d.Detect(picture, []string{"cat", "dog", "sports ball"})
			if err != nil {
				t.Fatal(err)
			}
			best := map[string]detect.Detection{}
			for _, f := range found {
				if f.Score > best[f.Class].Score {
					best[f.Class] = f
				}
			}
			if len(best) != 2 || far(best["cat"].Box, cat) > slack || far(best["dog"].Box, dog) > slack {
				t.Errorf("%s, %d×%d: found %v, drawn a cat %v and a dog %v", file, w, h, best, cat, dog)
			}
		}
	}
}

// A picture's format does not matter: palette, grey, 16 bits and what is transparent.
func TestYOLOTakesAnyPicture(t *testing.T) {
	d := openYOLO(t, "yolo.onnx", nil)
	shown := blank(64, 64)
	paint(shown, image.Rect(10, 20, 30, 50), red)
	want, err := d.Detect(shown, []string{"cat"})
	if err != nil || len(want) == 0 {
		t.Fatalf("%v, %v", want, err)
	}
	paletted := image.NewPaletted(shown.Rect, color.Palette{grey, red})
	paint(paletted, image.Rect(10, 20, 30, 50), red)
	deep := image.NewNRGBA64(shown.Rect)
	paint(deep, deep.Rect, grey)
	paint(deep, image.Rect(10, 20, 30, 50), red)
	for name, picture := range map[string]image.Image{"palette": paletted, "16 bits": deep, "part": around(shown).SubImage(image.Rect(100, 100, 164, 164))} {
		got, err := d.Detect(picture, []string{"cat"})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	for name, picture := range map[string]image.Image{"grey": image.NewGray(shown.Rect), "transparent": image.NewNRGBA(shown.Rect)} {
		if got, err := d.Detect(picture, []string{"cat"}); err != nil || len(got) != 0 {
			t.Errorf("%s: %v, %v, want nothing", name, got, err)
		}
	}
}

// around puts a picture into a larger one, at (100,100).
func around(picture *image.RGBA) *image.RGBA {
	larger := image.NewRGBA(image.Rect(0, 0, 300, 300))
	paint(larger, larger.Rect, blue)
	for y := range 64 {
		for x := range 64 {
			larger.SetRGBA(100+x, 100+y, picture.RGBAAt(x, y))
		}
	}
	return larger
}

func TestYOLOClasses(t *testing.T) {
	for _, c := range []struct {
		file  string
		given []string
		want  []string
	}{
		{"yolo.onnx", nil, []string{"cat", "dog", "sports ball"}},
		{"yolo.onnx", []string{"Horse", " cow", "horse"}, []string{"horse", "cow"}},
		{"yolo-seg.onnx", nil, []string{"cat", "dog", "sports ball"}},
		{"yolo-coco.onnx", nil, COCO()},
	} {
		d := openYOLO(t, c.file, c.given)
		if got := d.Classes(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: classes %q, want %q", c.file, got, c.want)
		}
		if got, want := d.Name(), strings.TrimSuffix(c.file, ".onnx"); got != want {
			t.Errorf("the detector's name is %q, want %q", got, want)
		}
	}
	d := openYOLO(t, "yolo.onnx", []string{"horse", "cow", "horse"})
	picture := blank(64, 64)
	paint(picture, image.Rect(2, 2, 30, 30), red)
	paint(picture, image.Rect(34, 34, 60, 60), blue)
	if found, err := d.Detect(picture, []string{"horse"}); err != nil || len(found) != 4 {
		t.Errorf("of two horses, by two indices, with a copy each: %v, %v", found, err)
	}
	if found, err := d.Detect(nil, []string{"unicorn"}); err != nil || found != nil {
		t.Errorf("a class that the detector does not know: %v, %v", found, err)
	}
}

func TestYOLOErrors(t *testing.T) {
	require(t)
	broken := filepath.Join(t.TempDir(), "broken.onnx")
	if err := os.WriteFile(broken, []byte("not a model"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file    string
		classes []string
		options []Option
		want    string
	}{
		"missing":          {"testdata/nothing.onnx", nil, nil, "cannot open the detector's model"},
		"broken":           {broken, nil, nil, "cannot be read as an ONNX model by ONNX Runtime 1."},
		"another detector": {"testdata/dino-fixed/model.onnx", nil, nil, "is no YOLO that can be read: its inputs are pixel_values float [1 3 64 96], input_ids int64 [1 16]"},
		"pose":             {"testdata/yolo-pose.onnx", nil, nil, `its task is "pose", expected a model for "detect" or "segment"`},
		"too few names":    {"testdata/yolo.onnx", []string{"cat"}, nil, "room for 3 class scores, but there are 1 class names given"},
		"too many names":   {"testdata/yolo.onnx", COCO(), nil, "room for 3 class scores, but there are 80 class names given"},
		"not COCO's":       {"testdata/yolo-dynamic.onnx", nil, nil, "room for 3 class scores, but there are 80 class names of COCO (it has no names in its metadata)"},
		"no names":         {"testdata/yolo.onnx", []string{}, nil, "there are no class names given"},
		"no threads":       {"testdata/yolo.onnx", nil, []Option{Threads(0)}, "given 0 threads"},
	} {
		d, err := OpenYOLO(c.file, c.classes, c.options...)
		if err == nil {
			d.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
	d := openYOLO(t, "yolo.onnx", nil)
	for name, picture := range map[string]image.Image{"no picture": nil, "an empty picture": image.NewRGBA(image.Rectangle{})} {
		if _, err := d.Detect(picture, []string{"cat"}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for range 2 {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := d.Detect(blank(8, 8), []string{"cat"}); err == nil || !strings.Contains(err.Error(), "is closed") {
		t.Errorf("a closed detector: error %v", err)
	}
}

// The CPU's library has no CUDA, and says so when asked. With the GPU's library there is nothing to see here.
func TestCUDAIsRefusedByTheCPULibrary(t *testing.T) {
	require(t)
	d, err := OpenYOLO("testdata/yolo.onnx", nil, CUDA(0))
	if err == nil {
		d.Close()
		t.Skip("this library has CUDA")
	}
	if !strings.Contains(err.Error(), "cannot use CUDA device 0") || !strings.Contains(err.Error(), "onnxruntime-gpu") {
		t.Errorf("error %v", err)
	}
}
